// Texts of models, shown: always as text nodes, never as markup. Formulae go through KaTeX, which makes nodes of its own and trusts
// nothing; one that it cannot read stays as text. Long texts come in pieces, as they are scrolled to.

const PIECE = 16000;
const LONGEST_FORMULA = 4000;
const OPENING = /\\\[|\\\(|\$\$|\$|\\begin\{((?:equation|align|gather|multline|aligned|array|cases|[pbvB]?matrix)\*?)\}/g;
const CLOSING = { "\\[": "\\]", "\\(": "\\)", "$$": "$$", "$": "$" };

const view = { math: true };

function element(name, attributes = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else node.setAttribute(key, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

// The formulae of a text: {start, end, tex, display}
function formulae(text) {
  const found = [];
  if (!view.math || typeof katex === "undefined") return found;
  OPENING.lastIndex = 0;
  for (let match = OPENING.exec(text); match; match = OPENING.exec(text)) {
    const open = match[0], start = match.index, inside = start + open.length;
    if (text[start - 1] === "\\") continue;
    const close = match[1] ? `\\end{${match[1]}}` : CLOSING[open];
    const end = open === "$" ? dollar(text, inside) : text.indexOf(close, inside);
    if (end <= inside || end - inside > LONGEST_FORMULA) continue;
    const tex = match[1] ? text.slice(start, end + close.length) : text.slice(inside, end);
    found.push({ start, end: end + close.length, tex, display: open !== "$" && open !== "\\(" });
    OPENING.lastIndex = end + close.length;
  }
  return found;
}

// The sign that ends a formula which a single $ began; -1 where it began none: prices are no formulae.
function dollar(text, inside) {
  if (/\s/.test(text[inside] || " ")) return -1;
  for (let end = text.indexOf("$", inside); end > 0; end = text.indexOf("$", end + 1)) {
    if (text.slice(inside, end).includes("\n\n") || end - inside > LONGEST_FORMULA) return -1;
    if (!/[\s\\]/.test(text[end - 1]) && !/\d/.test(text[end + 1] || "")) return end;
  }
  return -1;
}

function formula(tex, display, source) {
  const node = element("span", { class: display ? "formula display" : "formula" });
  try {
    katex.render(tex, node, { displayMode: display, throwOnError: true, trust: false, strict: "ignore", maxExpand: 300, maxSize: 10 });
  } catch {
    node.className = "unread";
    node.textContent = source;
  }
  return node;
}

// A short text that may be bare LaTeX, such as a gold answer
function shortText(text) {
  const node = element("span", { class: "short", dir: "auto" });
  if (view.math && typeof katex !== "undefined" && /[\\^_]/.test(text) && !text.includes("$") && text.length < 500) {
    node.append(formula(text, false, text));
  } else node.append(...piece(text, 0, []));
  return node;
}

// The nodes of a piece of text that begins at `base`; marks are {start, end, kind, title}, sorted, and those inside a formula are dropped.
function piece(text, base, marks, inline = false) {
  const maths = formulae(text);
  const own = [];
  for (const mark of marks) {
    const start = Math.max(mark.start - base, 0), end = Math.min(mark.end - base, text.length);
    if (end > start && !maths.some((math) => start > math.start && end < math.end)) own.push({ ...mark, start, end });
  }
  const cuts = new Set([0, text.length]);
  const inFormula = (place) => maths.find((math) => place > math.start && place < math.end);
  for (const { start, end } of [...maths, ...own]) for (const place of [start, end]) if (!inFormula(place)) cuts.add(place);
  const places = [...cuts].sort((a, b) => a - b);
  const nodes = [];
  let nextMath = 0, open = [], nextMark = 0;
  for (let number = 0; number + 1 < places.length; number += 1) {
    const start = places[number], end = places[number + 1];
    while (nextMath < maths.length && maths[nextMath].end <= start) nextMath += 1;
    const math = maths[nextMath] && maths[nextMath].start <= start ? maths[nextMath] : null;
    while (nextMark < own.length && own[nextMark].start <= start) open.push(own[nextMark++]);
    open = open.filter((mark) => mark.end > start);
    const node = math ? formula(math.tex, math.display && !inline, text.slice(math.start, math.end)) : document.createTextNode(text.slice(start, end));
    nodes.push(open.length ? marked(node, open, base + start) : node);
  }
  return nodes;
}

function marked(node, marks, place) {
  const kinds = [...new Set(marks.map((mark) => mark.kind))];
  const titles = [...new Set(marks.map((mark) => mark.title))];
  return element("mark", { class: kinds.join(" "), title: titles.join(", "), "data-place": place }, node);
}

// Fill a node with a long text, the first piece now and the others when the end of what is there is scrolled to.
function fill(node, text, base, marks) {
  let place = 0;
  const more = element("button", { type: "button", class: "more", onclick: () => next() });
  const seen = new IntersectionObserver((entries) => { if (entries.some((entry) => entry.isIntersecting)) next(); }, { rootMargin: "600px" });
  function next() {
    const end = cut(text, place), start = base + place;
    const own = marks.filter((mark) => mark.end > start && mark.start < base + end);
    more.before(...piece(text.slice(place, end), start, own));
    place = end;
    requestAnimationFrame(() => reachable(node));
    more.textContent = `show more (${(text.length - place).toLocaleString("en")} characters left)`;
    if (place >= text.length) { seen.disconnect(); more.remove(); } else { seen.unobserve(more); seen.observe(more); }
  }
  node.replaceChildren(more);
  node.fillTo = (wanted) => { while (place < text.length && base + place <= wanted) next(); };
  next();
  return node;
}

// What scrolls sideways can be reached by keyboard.
function reachable(node) {
  for (const wide of node.querySelectorAll(".formula.display")) if (wide.scrollWidth > wide.clientWidth) wide.tabIndex = 0;
}

// Where a piece ends: at a line's end if there is one, never inside a character.
function cut(text, start) {
  const end = start + PIECE;
  if (end >= text.length) return text.length;
  const line = text.indexOf("\n", end);
  if (line >= 0 && line < end + 2000) return line + 1;
  const code = text.charCodeAt(end);
  return code >= 0xdc00 && code <= 0xdfff ? end + 1 : end;
}
