// The page: overview and traces, filters, the list, one trace or two side by side, keys, theme.

const ROWS = 120;
const byId = (id) => document.getElementById(id);
const state = { chosen: [], trace: null, beside: null, shown: 0, drawn: 0, turn: 0, math: true, folded: true };

const count = (value) => (value === undefined ? "–" : value.toLocaleString("en"));
const badge = (outcome) => element("span", { class: `badge ${tone(outcome)}` }, OUTCOME_WORDS(outcome));

function wantedNow() {
  return Object.fromEntries(new FormData(byId("filters")));
}

async function filter() {
  const turn = ++state.turn;
  const tell = (text) => { byId("found").textContent = text; };
  const chosen = await chosenTraces(wantedNow(), tell);
  if (turn !== state.turn) return;
  state.chosen = chosen;
  tell(chosen.length === store.traces.length ? `${count(chosen.length)} traces` : `${count(chosen.length)} of ${count(store.traces.length)} traces`);
  state.drawn = 0;
  byId("rows").replaceChildren();
  byId("none").hidden = chosen.length > 0;
  drawRows();
}

// The list grows as it is scrolled to.
function drawRows(least = 0) {
  const end = Math.min(Math.max(state.drawn + ROWS, least), state.chosen.length), byProblem = wantedNow().order === "problem";
  const rows = [];
  for (let place = state.drawn; place < end; place += 1) {
    const trace = state.chosen[place], before = state.chosen[place - 1];
    const first = !byProblem || !before || before.problem !== trace.problem;
    rows.push(row(trace, first, byProblem));
  }
  byId("rows").append(...rows);
  state.drawn = end;
  byId("rest").hidden = end >= state.chosen.length;
  markCurrent();
}

function row(trace, withPrompt, byProblem) {
  const prompt = withPrompt ? element("span", { class: "prompt", dir: "auto" }, ...piece(trace.about.prompt.slice(0, 220), 0, [], true)) : null;
  const loop = (trace.repeated_share || 0) > 0.02 ? element("span", { class: "flag", title: "repeats itself" }, `↻ ${Math.round(100 * trace.repeated_share)} %`) : null;
  const facts = element("span", { class: "facts" }, badge(trace.outcome), loop, element("span", { class: "soft" }, `${count(trace.tokens)} tokens`));
  const link = element("a", { href: `#${trace.id}`, "data-id": trace.id }, prompt, facts);
  return element("li", { class: withPrompt && byProblem ? "first" : null }, link);
}

function markCurrent() {
  for (const link of byId("rows").querySelectorAll("[aria-current]")) link.removeAttribute("aria-current");
  if (!state.trace) return;
  const link = byId("rows").querySelector(`[data-id="${CSS.escape(state.trace.id)}"]`);
  if (link) { link.setAttribute("aria-current", "true"); link.scrollIntoView({ block: "nearest" }); }
}

async function show(trace, beside = null) {
  state.trace = trace;
  state.beside = beside;
  const turn = ++state.shown;
  const columns = await Promise.all([trace, beside].filter(Boolean).map(column));
  if (turn !== state.shown) return;
  const place = state.chosen.indexOf(trace);
  const steps = element("p", { class: "steps" },
    element("button", { type: "button", class: "back", onclick: () => go("traces") }, "← all traces"),
    element("button", { type: "button", onclick: () => step(-1), disabled: place <= 0 }, "previous"),
    element("button", { type: "button", onclick: () => step(1), disabled: place < 0 || place + 1 >= state.chosen.length }, "next"),
    element("span", { class: "soft" }, place < 0 ? "not among the filtered" : `${place + 1} of ${count(state.chosen.length)}`));
  const about = trace.about;
  const said = [about.source, about.subject, about.level && `level ${about.level}`].filter(Boolean).join(" · ");
  const question = fill(element("div", { class: "text question", dir: "auto" }), about.prompt, 0, []);
  byId("trace").replaceChildren(steps, element("h2", {}, "Problem"), element("p", { class: "soft" }, said), question, siblings(trace), ...together(columns));
  byId("traces").classList.add("open");
  byId("trace").scrollTop = 0;
  if (place >= state.drawn) drawRows(place + 1);
  markCurrent();
}

const together = (columns) => (columns.length > 1 ? [element("div", { class: "columns-2" }, ...columns)] : columns);

// The samples of the same problem, and the nearest one of the other outcome to put beside it
function siblings(trace) {
  const all = store.byProblem.get(trace.problem);
  const links = all.map((other) => element("a", { href: `#${other.id}`, class: `chip ${tone(other.outcome)}`, "aria-current": other === trace ? "true" : null,
    title: `${OUTCOME_WORDS(other.outcome)}, ${count(other.tokens)} tokens` }, `${other.outcome === "correct" ? "✓" : other.outcome === "wrong" ? "✗" : "·"} ${count(other.tokens)}`));
  const partner = opposite(trace);
  const both = partner ? element("button", { type: "button", onclick: () => show(trace, state.beside ? null : partner), "aria-pressed": String(Boolean(state.beside)) },
    state.beside ? "one alone" : `beside a ${partner.outcome === "correct" ? "correct" : OUTCOME_WORDS(partner.outcome)} one`) : null;
  return element("div", { class: "siblings" }, element("span", { class: "soft" }, `${all.length} ${all.length > 1 ? "samples" : "sample"} of it here`), ...links, both);
}

function opposite(trace) {
  const others = store.byProblem.get(trace.problem).filter((other) => (other.outcome === "correct") !== (trace.outcome === "correct"));
  const rank = (other) => (other.outcome === "wrong" || other.outcome === "correct" ? 0 : 1e9) + Math.abs((other.tokens || 0) - (trace.tokens || 0));
  return others.sort((a, b) => rank(a) - rank(b))[0] || null;
}

async function column(trace) {
  const texts = await textsOf(trace), wanted = wantedNow();
  const marks = marksOf(trace, texts, byId("lexicon").value, wanted.search.trim());
  const [reasoning, response] = texts.texts, base = reasoning === null ? 0 : reasoning.length + 1;
  const node = element("article", { class: "sample", "aria-label": `${OUTCOME_WORDS(trace.outcome)} sample ${trace.id}` });
  node.append(element("h2", {}, badge(trace.outcome), " ", element("a", { href: `#${trace.id}`, class: "id", title: "link to this trace" }, trace.id.slice(0, 12))), answers(trace), life(trace));
  const body = element("div", { class: "text", dir: "auto" });
  const details = reasoning === null ? null : element("details", { class: "reasoning" },
    element("summary", {}, "Reasoning ", element("span", { class: "soft" }, `${count(reasoning.length)} characters`)), body);
  if (details) {
    const unfold = () => { if (details.open && !body.fillTo) fill(body, reasoning, 0, marks); };
    details.addEventListener("toggle", unfold);
    details.unfold = unfold;
    details.open = !state.folded;
    unfold();
  }
  const answer = fill(element("div", { class: "text", dir: "auto" }), response, base, marks);
  const jump = (mark) => {
    if (mark.start < base && details) { details.open = true; details.unfold(); body.fillTo(mark.start); } else answer.fillTo(mark.start);
    const marked = node.querySelector(`[data-place="${mark.start}"]`);
    if (marked) { marked.scrollIntoView({ block: "center" }); marked.classList.add("here"); setTimeout(() => marked.classList.remove("here"), 1200); }
  };
  node.append(legend(marks, jump), strip(marks, joinedText(texts).length, base), ...(details ? [details] : []), element("h3", {}, "Response"), answer);
  return node;
}

function answers(trace) {
  const said = trace.answer === undefined ? element("span", { class: "soft" }, "none found") : shortText(trace.answer);
  const how = [trace.found_by && `found by ${OUTCOME_WORDS(trace.found_by)}`, trace.decided_by && `decided by ${OUTCOME_WORDS(trace.decided_by)}`].filter(Boolean).join(", ");
  const box = (name, value, remark) => element("div", {}, element("dt", {}, name), element("dd", {}, value), remark ? element("dd", { class: "soft" }, remark) : null);
  return element("dl", { class: "answers" }, box("gold answer", shortText(trace.about.gold || ""), trace.about.kind), box("extracted answer", said, how));
}

function life(trace) {
  const fate = trace.kept === undefined ? null : trace.kept ? `kept in ${(trace.splits || []).join(", ")}` : `dropped: ${trace.reason || "no reason given"}`;
  const parts = [fate, `${count(trace.tokens)} tokens`, `finished by ${trace.finish_reason}${trace.error ? ` (${trace.error})` : ""}`,
    trace.repeated_share > 0 ? `${Math.round(100 * trace.repeated_share)} % repeated` : null, store.index.teachers[trace.teacher], `sample ${trace.index}`,
    store.index.runs.length > 1 ? store.index.runs[trace.run] : null];
  return element("p", { class: "soft life" }, parts.filter(Boolean).join(" · "));
}

// The behaviours of the trace, as buttons that lead from one place to the next
function legend(marks, jump) {
  const kinds = new Map();
  for (const mark of marks) {
    if (!kinds.has(mark.title)) kinds.set(mark.title, { kind: mark.kind, places: [], next: 0 });
    kinds.get(mark.title).places.push(mark);
  }
  const buttons = [...kinds].sort((a, b) => b[1].places.length - a[1].places.length).map(([title, own]) => element("button",
    { type: "button", class: `key-${own.kind}`, title: `go to the next: ${title}`, onclick: () => jump(own.places[own.next++ % own.places.length]) }, `${title} × ${own.places.length}`));
  return element("div", { class: "legend" }, ...(buttons.length ? buttons : [element("span", { class: "soft" }, "no behaviour of this lexicon")]));
}

// Where in the text the marks stand, from its beginning to its end; the line is where the response begins
function strip(marks, size, base) {
  const place = (start) => `${((100 * start) / Math.max(size, 1)).toFixed(2)}%`;
  const ticks = marks.slice(0, 1500).map((mark) => {
    const tick = element("i", { class: mark.kind });
    tick.style.insetInlineStart = place(mark.start);
    if (mark.kind === "loop") tick.style.width = place(mark.end - mark.start);
    return tick;
  });
  const line = element("b");
  line.style.insetInlineStart = place(base);
  return element("div", { class: "strip", "aria-hidden": "true" }, ...ticks, base ? line : null);
}

function step(by) {
  const place = state.chosen.indexOf(state.trace);
  const next = state.chosen[place < 0 ? 0 : place + by];
  if (next) go(next.id);
}

function go(name) {
  history.replaceState(null, "", `#${name}`);
  route();
}

async function route() {
  const name = decodeURIComponent(location.hash.slice(1));
  const trace = name.length >= 6 ? store.byId.get(name) || store.traces.find((one) => one.id.startsWith(name)) : undefined;
  const isId = /^[0-9a-f]{12,}$/.test(name), traces = name === "traces" || Boolean(trace) || isId;
  byId("overview").hidden = traces;
  byId("traces").hidden = !traces;
  for (const link of document.querySelectorAll(".tabs a")) {
    if ((link.hash === "#traces") === traces) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  byId("absent").hidden = !isId || Boolean(trace);
  if (trace) await show(trace);
  else {
    byId("traces").classList.remove("open");
    if (traces && !state.trace && state.chosen.length && matchMedia("(min-width: 62rem)").matches) await show(state.chosen[0]);
    else if (!traces && byId(name)) byId(name).scrollIntoView();
  }
}

function toggleReasoning() {
  state.folded = !state.folded;
  for (const details of byId("trace").querySelectorAll("details.reasoning")) details.open = !state.folded;
}

const KEYS = {
  j: () => step(1), k: () => step(-1), ArrowRight: () => step(1), ArrowLeft: () => step(-1),
  Enter: toggleReasoning, r: toggleReasoning,
  s: () => { const partner = state.trace && opposite(state.trace); if (partner) show(state.trace, state.beside ? null : partner); },
  m: () => { view.math = !view.math; if (state.trace) show(state.trace, state.beside); },
  t: () => theme(), o: () => go("overview"), l: () => go("traces"),
  "/": () => { go(state.trace ? state.trace.id : "traces"); byId("filters").elements.search.focus(); },
  "?": () => byId("help").showModal(),
};

function key(event) {
  const target = event.target, typing = target.matches("input, select, textarea");
  if (event.key === "Escape" && typing) { target.blur(); return; }
  if (typing || event.ctrlKey || event.metaKey || event.altKey || byId("help").open) return;
  if (event.key === "Escape") { if (byId("traces").classList.contains("open")) go("traces"); return; }
  if (event.key === "Enter" && target.closest("a, button, summary")) return;
  if (byId("traces").hidden && !["?", "/", "t", "l", "o"].includes(event.key)) return;
  if (KEYS[event.key]) { event.preventDefault(); KEYS[event.key](); }
}

function theme(wanted) {
  const root = document.documentElement, dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = wanted || (dark ? "light" : "dark");
  byId("theme").setAttribute("aria-pressed", String(root.dataset.theme === "dark"));
  try { localStorage.setItem("cotkit-theme", root.dataset.theme); } catch { /* a browser may keep nothing for files */ }
}

async function begin() {
  try { const kept = localStorage.getItem("cotkit-theme"); if (kept) theme(kept); } catch { /* as above */ }
  document.documentElement.classList.add("scripted");
  byId("theme").addEventListener("click", () => theme());
  byId("help-button").addEventListener("click", () => byId("help").showModal());
  if (!byId("archive-index")) return;
  await openArchive();
  const form = byId("filters");
  let timer = 0;
  const changed = () => { clearTimeout(timer); timer = setTimeout(filter, 120); };
  form.addEventListener("input", changed);
  form.addEventListener("reset", () => setTimeout(filter));
  form.addEventListener("submit", (event) => { event.preventDefault(); filter(); });
  byId("lexicon").addEventListener("input", () => { if (state.trace) show(state.trace, state.beside); });
  byId("rest").addEventListener("click", () => drawRows());
  new IntersectionObserver((entries) => { if (entries.some((entry) => entry.isIntersecting)) drawRows(); }).observe(byId("rest"));
  document.addEventListener("keydown", key);
  window.addEventListener("hashchange", route);
  await filter();
  await route();
  document.documentElement.dataset.ready = "true";
}

begin();
