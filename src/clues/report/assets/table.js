// The table of rows: a window of 100, controls around it, and the export of ids.

const WINDOW = 100;
const wanted = { query: "", state: "", reason: "", group: "", order: "worst", column: null, descending: false, page: 0 };
const byId = (id) => document.getElementById(id);
let rows = [];

function excerpt(pieces, shade, search, length) {
  const element = make("span", {});
  const text = pieces.map((piece) => piece[0]).join("");
  const [hit] = matches(text, search);
  const start = hit ? Math.max(0, hit[0] - length / 2) : 0;
  let at = 0;
  const shown = [];
  for (const piece of pieces) {
    const from = Math.max(0, start - at);
    const part = piece[0].slice(from, Math.max(from, start + length - at));
    if (part) shown.push([part, ...piece.slice(1)]);
    at += piece[0].length;
  }
  if (start > 0) element.append("… ");
  appendText(element, shown, shade, search);
  if (start + length < text.length) element.append(" …");
  return element;
}

function rowLine(row, index, search) {
  const open = make("button", { type: "button", class: "open", "aria-haspopup": "dialog" });
  const cell = make("td", { class: "texts" }, open);
  if (row.prompt === undefined) open.append(row.id);
  else {
    open.setAttribute("dir", "auto");
    open.append(excerpt([[row.prompt]], 0, search, 160));
    const answer = make("p", { class: "answer", dir: "auto" }, excerpt(row.answer, SHADES[row.reason] || 0, search, 260));
    cell.append(answer);
  }
  const own = row.decision ? make("span", { class: "small" }, ` your decision: ${row.decision}`) : "";
  const number = (label, text) => make("td", { class: "n", "data-label": label }, text);
  const line = make(
    "tr",
    { "data-id": row.id },
    make("td", { class: "decision" }, swatch(row), ` ${decision(row)}`, own),
    cell,
    ...row.evidence.map((value, i) => number(data.criteria[i], fixed(value, 2))),
    number("p", fixed(row.p, 3)),
    number("line", row.line.toLocaleString("en")),
  );
  line.addEventListener("click", () => {
    if (!String(getSelection())) openRow(rows, index, search);
  });
  return line;
}

function show() {
  rows = select(wanted);
  const pages = Math.max(1, Math.ceil(rows.length / WINDOW));
  wanted.page = Math.min(wanted.page, pages - 1);
  const first = wanted.page * WINDOW;
  const search = pattern(wanted.query);
  const lines = rows.slice(first, first + WINDOW).map((row, i) => rowLine(row, first + i, search));
  byId("table").tBodies[0].replaceChildren(...lines);
  const last = first + lines.length;
  byId("summary").textContent = rows.length ? `Rows ${first + 1} to ${last} of ${rows.length.toLocaleString("en")}` : "No row matches.";
  byId("previous").disabled = wanted.page === 0;
  byId("next").disabled = wanted.page >= pages - 1;
  byId("export").disabled = !rows.length;
  byId("order").value = wanted.column === null ? wanted.order : "column";
  for (const button of document.querySelectorAll("#table th button")) {
    const active = button.dataset.sort === wanted.column;
    button.parentElement.setAttribute("aria-sort", active ? (wanted.descending ? "descending" : "ascending") : "none");
  }
}

function change(changes) {
  Object.assign(wanted, { page: 0 }, changes);
  show();
}

function sortBy(column) {
  change({ column, descending: wanted.column === column && !wanted.descending });
}

/** The ids of all rows that pass the filters, as a file: id, line, decision, reason. */
function exportIds() {
  const lines = rows.map((row) => [row.id, row.line, row.state, row.reason].join(","));
  const file = new Blob([["id,line,decision,reason", ...lines].join("\n") + "\n"], { type: "text/csv" });
  const link = make("a", { href: URL.createObjectURL(file), download: "rows.csv" });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

if (byId("explorer")) {
  document.documentElement.classList.add("js");
  byId("query").addEventListener("input", (event) => change({ query: event.target.value }));
  for (const name of ["state", "reason", "group"]) {
    if (byId(name)) byId(name).addEventListener("change", (event) => change({ [name]: event.target.value }));
  }
  byId("order").addEventListener("change", (event) => change({ order: event.target.value, column: null }));
  byId("previous").addEventListener("click", () => change({ page: wanted.page - 1 }));
  byId("next").addEventListener("click", () => change({ page: wanted.page + 1 }));
  byId("export").addEventListener("click", exportIds);
  for (const button of document.querySelectorAll("#table th button")) {
    button.addEventListener("click", () => sortBy(button.dataset.sort));
  }
  show();
}
