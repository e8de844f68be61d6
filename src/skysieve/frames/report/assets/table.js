"use strict";
/* The table of all frames: sorted, searched, filtered, and paged. */

(function (report) {
  const ROWS = 100;
  const state = { column: "attention", descending: true, page: 0 };
  let columns = [];

  function makeColumns() {
    const present = report.classes.filter((one) => report.frames.some((frame) => frame.fractions[one.name]));
    const has = (name) => report.frames.some((frame) => frame[name] !== null);
    const two = (value) => (value === null ? "" : value.toPrecision(2));
    columns = [
      { key: "attention", title: "needs eyes", words: (f) => f.attention.toFixed(1), value: (f) => f.attention, number: true, hint: "Distance of a fraction from the median of its night, out-of-distribution score, or tracking probability, whichever is largest. Above 1: look first." },
      { key: "file", title: "frame", words: report.shortName, value: report.shortName, name: true },
      { key: "reasons", title: "why", words: (f) => f.reasons.join("; "), value: (f) => -f.reasons.length, reasons: true },
      { key: "verdict", title: "verdict", words: report.verdictOf, value: report.verdictOf },
      ...(has("mjd") ? [{ key: "mjd", title: "time (UTC)", words: report.timeOf, value: (f) => f.mjd }] : []),
      ...(report.frames.some((f) => f.filter) ? [{ key: "filter", title: "filter", words: (f) => f.filter.split(" ")[0], value: (f) => f.filter }] : []),
      { key: "bad", title: "bad", words: (f) => report.percent(f.bad), value: (f) => f.bad, number: true, hint: "Fraction of bad pixels" },
      ...present.map((one) => ({ key: `class-${one.name}`, title: one.name, hint: one.description, number: true, words: (f) => report.percent(f.fractions[one.name] ?? 0), value: (f) => f.fractions[one.name] ?? 0 })),
      ...(has("unlike") ? [{ key: "unlike", title: "unlike", words: (f) => two(f.unlike), value: (f) => f.unlike, number: true, hint: "Out-of-distribution score; above 1 the frame is unlike the training frames" }] : []),
      ...(has("tracking") ? [{ key: "tracking", title: "tracking", words: (f) => two(f.tracking), value: (f) => f.tracking, number: true, hint: "Probability of a tracking error" }] : []),
    ];
    const row = report.byId("columns");
    row.append(report.element("th"));
    for (const column of columns) {
      const button = report.element("button", { type: "button", textContent: column.title, title: column.hint ?? "" });
      button.addEventListener("click", () => sortBy(column));
      row.append(report.element("th", { "data-column": column.key, className: column.number ? "number" : "" }, button));
    }
  }

  function sortBy(column) {
    const numeric = column.number || column.key === "mjd";
    state.descending = state.column === column.key ? !state.descending : Boolean(numeric && column.key !== "mjd");
    state.column = column.key;
    state.page = 0;
    report.showList();
  }

  function compare(first, second) {
    // frames without a value come last in both orders
    const missing = (value) => value === null || value === "";
    if (missing(first) || missing(second)) return missing(first) - missing(second);
    const order = typeof first === "number" ? first - second : first.localeCompare(second, undefined, { numeric: true });
    return state.descending ? -order : order;
  }

  function chosen() {
    const words = report.byId("search").value.toLowerCase().split(/\s+/).filter(Boolean);
    const named = report.byId("only-named").checked;
    const verdict = report.byId("by-verdict").value;
    const night = report.byId("by-night").value;
    const filter = report.byId("by-filter").value;
    return report.frames.filter(function (frame) {
      if (named && !report.isNamed(frame)) return false;
      if (night && String(frame.night) !== night) return false;
      if (filter && frame.filter !== filter) return false;
      const noted = report.verdictOf(frame);
      if (verdict && noted !== (verdict === "none" ? "" : verdict)) return false;
      return words.every((word) => frame.text.includes(word));
    });
  }

  report.showList = function () {
    const column = columns.find((one) => one.key === state.column);
    report.shown = chosen().sort((first, second) => compare(column.value(first), column.value(second)));
    const pages = Math.max(1, Math.ceil(report.shown.length / ROWS));
    state.page = Math.min(state.page, pages - 1);
    const start = state.page * ROWS;
    const rows = report.shown.slice(start, start + ROWS).map(rowOf);
    document.querySelector("#frames tbody").replaceChildren(...rows);
    for (const cell of document.querySelectorAll("#columns th[data-column]")) {
      if (cell.dataset.column === state.column) cell.setAttribute("aria-sort", state.descending ? "descending" : "ascending");
      else cell.removeAttribute("aria-sort");
    }
    const last = Math.min(start + ROWS, report.shown.length);
    report.byId("page-words").textContent = report.shown.length
      ? `${start + 1} to ${last} of ${report.shown.length} frames`
      : "no frame fits the search and the filters";
    report.byId("page-back").disabled = state.page === 0;
    report.byId("page-on").disabled = state.page === pages - 1;
    report.drawChart();
  };

  function rowOf(frame) {
    const image = report.element("img", { loading: "lazy", alt: "", src: `thumbnails/${frame.key}.jpg` });
    const row = report.element("tr", { "data-key": frame.key }, report.element("td", { className: "thumb" }, image));
    for (const column of columns) {
      const cell = report.element("td");
      const words = column.words(frame);
      if (column.name) {
        cell.className = "name";
        cell.append(report.element("a", { href: report.addressOf(frame), textContent: words, title: frame.file }));
      } else cell.textContent = words;
      if (column.number) cell.className = words === "0" ? "number zero" : "number";
      if (column.reasons) cell.className = "reasons";
      if (column.key === "verdict") cell.className = words === "look again" ? "again" : words;
      row.append(cell);
    }
    row.addEventListener("click", () => report.go(frame));
    return row;
  }

  function fill(select, label, values, words) {
    report.byId(label).hidden = values.length < 2;
    for (const value of values) {
      report.byId(select).append(report.element("option", { value: String(value), textContent: words(value) }));
    }
  }

  report.parts.push(function () {
    for (const frame of report.frames) {
      frame.text = [frame.file, frame.name, frame.filter, frame.exposure, ...frame.reasons].join(" ").toLowerCase();
    }
    makeColumns();
    const nights = [...new Set(report.frames.map((frame) => frame.night))].filter((one) => one >= 0).sort((a, b) => a - b);
    const begins = (night) => report.timeOf(report.frames.filter((f) => f.night === night).sort((a, b) => a.mjd - b.mjd)[0]).slice(0, 10);
    fill("by-night", "night-label", nights, begins);
    fill("by-filter", "filter-label", [...new Set(report.frames.map((frame) => frame.filter))].filter(Boolean).sort(), String);
    const again = () => { state.page = 0; report.showList(); };
    for (const id of ["search", "only-named", "by-verdict", "by-night", "by-filter"]) report.byId(id).addEventListener("input", again);
    report.byId("page-back").addEventListener("click", () => { state.page -= 1; report.showList(); });
    report.byId("page-on").addEventListener("click", () => { state.page += 1; report.showList(); });
  });
})(skysieveReport);
