// One row in full, in a dialog: texts, words that count, evidence, checkpoints, its nearest kept neighbour.

const dialog = document.getElementById("detail");
const SHADES = { fluency: 1, relevance: 2, novelty: 3 };

/** Show `rows[index]`; `search` marks what was searched for. */
function openRow(rows, index, search) {
  const row = rows[index];
  const tells = row.tells || {};
  const shaded = tells[row.reason] ? row.reason : tells.fluency ? "fluency" : "";
  const parts = [detailHead(rows, index, search), ...texts(row, shaded, search), criteriaTable(row)];
  const trace = traceTable(row);
  if (trace) parts.push(trace);
  if (row.near) parts.push(neighbour(row.near));
  parts.push(make("p", { class: "small" }, "Row ", make("code", {}, row.id), `, line ${row.line} of the file.`));
  dialog.replaceChildren(make("div", { class: "detail" }, ...parts));
  if (!dialog.open) dialog.showModal();
  dialog.scrollTop = 0;
  dialog.querySelector("h2").focus();
}

function detailHead(rows, index, search) {
  const row = rows[index];
  const button = (text, to) => {
    const made = make("button", { type: "button" }, text);
    made.disabled = to < 0 || to >= rows.length;
    made.addEventListener("click", () => openRow(rows, to, search));
    return made;
  };
  const close = make("button", { type: "button" }, "Close");
  close.addEventListener("click", () => dialog.close());
  const title = make("h2", { id: "detail-title", tabindex: "-1" }, swatch(row), ` ${decision(row).replace(/^./, (first) => first.toUpperCase())}`);
  const bar = make("div", { class: "pager" }, button("‹ Previous", index - 1), button("Next ›", index + 1), close);
  const own = row.decision ? make("p", { class: "small" }, `Your own decision: ${row.decision}.`) : null;
  return make("div", {}, bar, title, own || "");
}

function texts(row, shaded, search) {
  if (row.prompt === undefined) return [];
  const question = make("p", { class: "question", dir: "auto" });
  appendText(question, [[row.prompt]], 0, search);
  const answer = make("p", { class: "answer", dir: "auto" });
  const list = make("div", {});
  const shade = (name) => {
    answer.replaceChildren();
    appendText(answer, row.answer, SHADES[name] || 0, search);
    list.replaceChildren(...countedWords(row, name));
  };
  shade(shaded);
  const left = (n) => (n ? make("p", { class: "small" }, `${n.toLocaleString("en")} more characters stand in the file.`) : "");
  const turns = row.turns > 2 ? make("p", { class: "small" }, `A conversation of ${row.turns} turns; the last question and all answers are shown.`) : "";
  const heading = (text) => make("h3", {}, text);
  return [heading("Question"), question, left(row.prompt_left), turns, heading("Answer"), shadeChoice(row, shaded, shade), answer, left(row.answer_left), list].filter((part) => part !== "");
}

function shadeChoice(row, shaded, shade) {
  if (!shaded) return "";
  const choices = Object.keys(SHADES).map((name) => {
    const input = make("input", { type: "radio", name: "shade", value: name });
    input.checked = name === shaded;
    input.addEventListener("change", () => shade(name));
    return make("label", {}, input, ` ${data.shadings[name].choice}`);
  });
  return make("fieldset", { class: "shades" }, make("legend", {}, "Underline"), ...choices);
}

function countedWords(row, name) {
  const tells = row.tells && row.tells[name];
  if (!tells) return [];
  const says = data.shadings[name];
  if (!tells.words.length) return [make("p", { class: "small" }, says.nothing)];
  const median = data.anchorMedians[name];
  const anchors = median === undefined ? "" : `; half of the anchors have ${fixed(median, 2)} or more`;
  const items = tells.words.map(([word, value]) => make("li", {}, make("bdi", {}, word), " ", make("span", { class: "small" }, fixed(value, 2))));
  const end = row.reason === "completeness" ? " The row was dropped for where it ends, which no word shows." : "";
  return [
    make("p", { class: "small" }, `${says.heading}:`),
    make("ol", { class: "counted" }, ...items),
    make("p", { class: "small" }, `${says.sum} ${fixed(tells.sum, 2)}, the ${name}.forward of this row${anchors}.${end}`),
  ];
}

function table(caption, head, rows) {
  const cell = (name, value, i) => make(name, i ? { class: "n", ...(name === "th" ? { scope: "col" } : {}) } : { scope: name === "th" ? "col" : "row" }, value);
  const body = rows.map((row) => make("tr", {}, ...row.map((value, i) => cell(i ? "td" : "th", value, i))));
  return make(
    "table",
    {},
    make("caption", {}, caption),
    make("thead", {}, make("tr", {}, ...head.map((value, i) => cell("th", value, i)))),
    make("tbody", {}, ...body),
  );
}

function criteriaTable(row) {
  if (data.scorer) return scoreTable(row);
  const rows = data.criteria.map((name, i) => {
    const value = row.evidence[i];
    if (value === null) return [name, "not measured", "", "–"];
    const below = data.bar !== null && value < data.bar ? " (below the bar)" : "";
    return [name, fixed(value, 2), odds(value) + below, fixed(row.pc[i], 3)];
  });
  rows.push(["worst of them", fixed(row.statistic, 2), odds(row.statistic), fixed(row.p, 3)]);
  const bar = data.bar === null ? "" : ` The bar: ${fixed(data.bar, 2)}.`;
  return table(`Evidence: how much likelier it looks good than spoiled.${bar}`, ["Criterion", "Evidence", "It looks", "p"], rows);
}

/** What a scorer says, in the place of the criteria. */
function scoreTable(row) {
  const [score] = standing(row, data.scorer, "score");
  const below = data.bar !== null && row.statistic < data.bar ? " (below the bar)" : "";
  const bar = data.bar === null ? "" : ` The bar: ${fixed(data.bar, 2)}.`;
  const line = [data.scorer, score === null ? "–" : String(score).replace("-", "−"), fixed(row.statistic, 2) + below, fixed(row.p, 3)];
  return table(`Evidence: standard deviations from the anchors’ mean.${bar}`, ["Scorer", "Score", "Evidence", "p"], [line]);
}

/** A row's value on a channel and its rank among all rows of the file; nothing where there is no such channel. */
function standing(row, source, kind, checkpoint = null) {
  const same = (channel) => channel.source === source && channel.kind === kind && channel.checkpoint === checkpoint;
  return row.channels[data.channels.findIndex((channel) => same(channel) && !channel.domain)];
}

/** Where the row stands among all rows of the file, before training and at every checkpoint. */
function traceTable(row) {
  const steps = [...new Set(data.channels.map((channel) => channel.checkpoint))].filter((step) => step !== null).sort((a, b) => a - b);
  const rank = (entry) => (entry && entry[0] !== null ? entry[1] : null);
  const rows = data.criteria.map((name) => {
    const [before, later] = data.scorer ? ["score", "score"] : ["forward", "gradient"];
    const first = data.scorer && steps.length ? undefined : standing(row, name, before);
    const ranks = [first, ...steps.map((step) => standing(row, name, later, step))].map(rank);
    return [name, ...ranks.map((value) => (value === null ? "–" : `${value.toLocaleString("en")}`)), sparkline(ranks.slice(1))];
  });
  const head = ["Criterion", "before training", ...steps.map((step) => `round ${step}`), ""];
  return table(`Rank among the ${data.rowsInFile.toLocaleString("en")} rows of the file, 1 is the worst`, head, rows);
}

function sparkline(ranks) {
  const known = ranks.filter((value) => value !== null);
  if (known.length < 2) return "";
  const x = (i) => 4 + (52 * i) / (known.length - 1);
  const y = (value) => 16 - (12 * (value - 1)) / Math.max(1, data.rowsInFile - 1);
  const points = known.map((value, i) => `${x(i).toFixed(1)},${y(value).toFixed(1)}`).join(" ");
  const last = make("circle", { cx: x(known.length - 1), cy: y(known[known.length - 1]), r: 2.5 });
  return make("svg", { class: "spark", viewBox: "0 0 60 20", "aria-hidden": "true" }, make("polyline", { points }), last);
}

function neighbour(near) {
  return make(
    "div",
    { class: "near" },
    make("h3", {}, "Nearest kept row"),
    make("p", { class: "small" }, `Its question is the most alike (${fixed(near.likeness, 2)} of 1), line ${near.line}.`),
    make("p", { class: "question", dir: "auto" }, near.prompt),
    make("p", { class: "answer", dir: "auto" }, near.answer),
  );
}
