"use strict";
// The rows of the page, and which of them are asked for. Text from a row is only ever set as text, never as markup.

const data = JSON.parse(document.getElementById("data").textContent);
for (const row of data.rows) row.text = [row.prompt, (row.answer || []).map((piece) => piece[0]).join("")].join("\n");

/** An element with attributes and children; strings become text. */
function make(name, attributes, ...children) {
  const svg = ["svg", "rect", "circle", "polyline", "line"].includes(name);
  const element = svg ? document.createElementNS("http://www.w3.org/2000/svg", name) : document.createElement(name);
  for (const [key, value] of Object.entries(attributes || {})) element.setAttribute(key, value);
  element.append(...children.filter((child) => child !== null && child !== ""));
  return element;
}

/** A number as people read it, with a true minus sign and no negative zero. */
function fixed(value, digits) {
  if (value === null) return "–";
  const text = value.toFixed(digits);
  return Number(text) === 0 ? text.replace("-", "") : text.replace("-", "−");
}

/** A log-likelihood ratio in plain words. */
function odds(evidence) {
  const times = Math.exp(Math.abs(evidence));
  if (times < 1.05) return "as likely good as spoiled";
  const many = times > 1000 ? "over 1,000" : times.toFixed(times < 10 ? 1 : 0);
  return `${many} times likelier ${evidence > 0 ? "good than spoiled" : "spoiled than good"}`;
}

/** What became of a row, in words. */
function decision(row) {
  return row.reason && row.state === "dropped" ? `dropped: ${data.says[row.reason] || row.reason}` : row.state;
}

function swatch(row) {
  const fill = row.state === "kept" ? "kept" : row.reason || "owner";
  const square = make("rect", { class: `fill-${fill}`, width: 10, height: 10, rx: 2 });
  return make("svg", { class: "swatch", viewBox: "0 0 10 10", "aria-hidden": "true" }, square);
}

/** A pattern for the words that are searched for, or null. */
function pattern(query) {
  const words = query.trim().replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  return words ? new RegExp(words, "giu") : null;
}

/** Places [start, end) in a text that match. */
function matches(text, search) {
  return search ? Array.from(text.matchAll(search), (match) => [match.index, match.index + match[0].length]) : [];
}

/** Classes of the words shaded for fluency, relevance, novelty: "s" speaks against the row, "g" for it. */
const MARKS = ["", "s", "g", "s"];

/** Append shaded pieces [text, fluency, relevance, novelty] to an element, with everything that was found marked. */
function appendText(element, pieces, shade, search) {
  const found = matches(pieces.map((piece) => piece[0]).join(""), search);
  let at = 0;
  for (const piece of pieces) {
    const end = at + piece[0].length;
    const cuts = found.flat().filter((place) => place > at && place < end);
    const edges = [at, ...cuts, end];
    const level = shade ? piece[shade] : 0;
    for (let i = 0; i + 1 < edges.length; i++) {
      const text = piece[0].slice(edges[i] - at, edges[i + 1] - at);
      const hit = found.some(([start, stop]) => start <= edges[i] && edges[i + 1] <= stop);
      const classes = [level ? MARKS[shade] + level : "", hit ? "found" : ""].filter(Boolean).join(" ");
      element.append(classes ? make("mark", { class: classes }, text) : text);
    }
    at = end;
  }
}

const ORDERS = {
  worst: (row) => row.statistic,
  best: (row) => -row.statistic,
  nearest: (row) => Math.abs(row.statistic - (data.bar || 0)),
  line: (row) => row.line,
};

/** Value that a column is sorted by. */
function columnValue(row, column) {
  if (column === "state") return decision(row);
  return column in row ? row[column] : row.evidence[Number(column)];
}

/** Rows that pass the filters, in the order asked for; rows without a value come last. */
function select(wanted) {
  const search = pattern(wanted.query);
  const value = wanted.column === null ? ORDERS[wanted.order] : (row) => columnValue(row, wanted.column);
  const rows = data.rows.filter(
    (row) =>
      (!wanted.state || row.state === wanted.state) &&
      (!wanted.reason || row.reason === wanted.reason) &&
      (!wanted.group || row.groups.includes(Number(wanted.group))) &&
      (!search || row.text.search(search) >= 0 || row.id === wanted.query.trim() || String(row.line) === wanted.query.trim()),
  );
  const sign = wanted.column !== null && wanted.descending ? -1 : 1;
  return rows.sort((a, b) => {
    const [x, y] = [value(a), value(b)];
    if (x === null || y === null) return (x === null) - (y === null);
    return sign * (x < y ? -1 : x > y ? 1 : 0) || a.line - b.line;
  });
}
