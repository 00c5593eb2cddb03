// The archive as the viewer asks for it: the index, texts by trace, filters and orders.

const OUTCOME_WORDS = (outcome) => (outcome || "not judged").replaceAll("_", " ");
const tone = (outcome) => (outcome === "correct" || outcome === "wrong" ? outcome : "other");

const store = { index: null, traces: [], byId: new Map(), byProblem: new Map(), blocks: new Map(), whole: false };

async function openArchive() {
  const index = await unpack(document.getElementById("archive-index").textContent.trim());
  store.index = index;
  index.traces.forEach((trace, place) => {
    trace.place = place;
    trace.about = index.problems[trace.problem];
    const counts = new Map();
    for (let at = 0; at < trace.counts.length; at += 2) counts.set(trace.counts[at], trace.counts[at + 1]);
    trace.counts = counts;
    store.byId.set(trace.id, trace);
    if (!store.byProblem.has(trace.problem)) store.byProblem.set(trace.problem, []);
    store.byProblem.get(trace.problem).push(trace);
  });
  store.traces = index.traces;
}

// The texts of a trace: reasoning (null without), response, marks and loops, places in the two joined by a line break.
async function textsOf(trace) {
  if (!store.blocks.has(trace.block)) store.blocks.set(trace.block, unpack(document.getElementById(`archive-${trace.block}`).textContent.trim()));
  return (await store.blocks.get(trace.block))[trace.at];
}

async function openAll(tell) {
  const numbers = [...new Set(store.traces.map((trace) => trace.block))];
  for (const [place, number] of numbers.entries()) {
    await textsOf(store.traces.find((trace) => trace.block === number));
    if (place % 8 === 7) tell(`unpacking ${place + 1} of ${numbers.length}`);
  }
  store.whole = true;
}

// What stands in a trace, of the kinds that are wanted: {start, end, kind, title}, sorted
function marksOf(trace, texts, lexicon, search) {
  const names = store.index.behaviours, found = [];
  let start = 0;
  for (let at = 0; at < texts.marks.length; at += 3) {
    const behaviour = texts.marks[at];
    start += texts.marks[at + 1];
    if (lexicon === "" || names[behaviour][0] !== lexicon) continue;
    found.push({ start, end: start + texts.marks[at + 2], kind: `b${colorOf(behaviour)}`, title: names[behaviour][1].replaceAll("_", " "), behaviour });
  }
  start = 0;
  for (let at = 0; at < texts.loops.length; at += 2) {
    start += texts.loops[at];
    found.push({ start, end: start + texts.loops[at + 1], kind: "loop", title: "repeats an earlier passage" });
  }
  if (search) {
    const joined = joinedText(texts).toLowerCase(), wanted = search.toLowerCase();
    for (let at = joined.indexOf(wanted); at >= 0 && found.length < 60000; at = joined.indexOf(wanted, at + wanted.length)) {
      found.push({ start: at, end: at + wanted.length, kind: "hit", title: "found" });
    }
  }
  return found.sort((a, b) => a.start - b.start || b.end - a.end);
}

const joinedText = (texts) => (texts.texts[0] === null ? texts.texts[1] : `${texts.texts[0]}\n${texts.texts[1]}`);

// Behaviours of one lexicon are told apart by colour; there are eight.
function colorOf(behaviour) {
  const [lexicon] = store.index.behaviours[behaviour];
  return store.index.behaviours.slice(0, behaviour).filter(([other]) => other === lexicon).length % 8;
}

const ORDERS = {
  problem: (a, b) => a.place - b.place,
  longest: (a, b) => (b.tokens || 0) - (a.tokens || 0),
  shortest: (a, b) => (a.tokens || 0) - (b.tokens || 0),
  loops: (a, b) => (b.repeated_share || 0) - (a.repeated_share || 0),
};

async function chosenTraces(wanted, tell) {
  const behaviour = wanted.behaviour === "" ? null : Number(wanted.behaviour);
  const least = wanted.least === "" ? 0 : Number(wanted.least), most = wanted.most === "" ? Infinity : Number(wanted.most);
  let chosen = store.traces.filter((trace) => (
    (wanted.outcome === "" || OUTCOME_WORDS(trace.outcome) === wanted.outcome)
    && (wanted.teacher === "" || trace.teacher === Number(wanted.teacher))
    && (!wanted.run || trace.run === Number(wanted.run))
    && (wanted.fate === "" || (wanted.fate === "kept" ? trace.kept === true : wanted.fate === "dropped" ? trace.kept === false : (trace.repeated_share || 0) > 0))
    && (behaviour === null || trace.counts.has(behaviour))
    && (trace.tokens || 0) >= least && (trace.tokens || 0) <= most
  ));
  const search = wanted.search.trim().toLowerCase();
  if (search) {
    if (!store.whole) await openAll(tell);
    const hits = await Promise.all(chosen.map(async (trace) => (
      trace.id.startsWith(search) || trace.about.prompt.toLowerCase().includes(search)
      || (trace.answer || "").toLowerCase().includes(search) || joinedText(await textsOf(trace)).toLowerCase().includes(search)
    )));
    chosen = chosen.filter((_, place) => hits[place]);
  }
  return chosen.sort(ORDERS[wanted.order]);
}
