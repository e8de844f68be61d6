"use strict";
/* Verdicts on frames: kept in the browser, saved as CSV, loaded again. */

(function (report) {
  const VERDICTS = ["good", "bad", "look again"];
  const HEADER = ["file", "hdu", "name", "plane", "verdict", "mask"];
  let noted = {};
  const place = () => `skysieve-verdicts-${report.id}`;

  report.verdictOf = (frame) => noted[frame.key] ?? "";

  report.toggleVerdict = function (frame, verdict) {
    if (noted[frame.key] === verdict) delete noted[frame.key];
    else noted[frame.key] = verdict;
    keep();
  };

  function keep() {
    try {
      localStorage.setItem(place(), JSON.stringify(noted));
    } catch { /* storage is switched off: the verdicts last until the page is closed */ }
    report.byId("count-noted").textContent = report.frames.filter((frame) => noted[frame.key]).length;
    showButtons();
    if (report.current === null) report.showList();
  }

  function showButtons() {
    for (const button of document.querySelectorAll("#verdicts button")) {
      const on = report.current !== null && report.verdictOf(report.current) === button.dataset.verdict;
      button.setAttribute("aria-pressed", String(on));
    }
  }
  report.showVerdict = showButtons;

  const quoted = (value) => (/[",\r\n]/.test(value) ? `"${String(value).replaceAll('"', '""')}"` : String(value));

  report.verdictsAsCsv = function (which) {
    const frames = report.frames.filter((frame) => noted[frame.key] && (!which || noted[frame.key] === which));
    const rows = frames.map((frame) => [frame.file, frame.hdu, frame.name, frame.plane, noted[frame.key], frame.mask]);
    return [HEADER, ...rows].map((row) => row.map(quoted).join(",")).join("\n") + "\n";
  };

  report.saveVerdicts = function () {
    const which = report.byId("save-which").value;
    const content = new Blob([report.verdictsAsCsv(which)], { type: "text/csv" });
    const link = report.element("a", { href: URL.createObjectURL(content) });
    link.download = which ? `verdicts-${which.replace(" ", "-")}.csv` : "verdicts.csv";
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  };

  /* Rows of a CSV file; fields may be quoted. */
  function rowsOf(text) {
    const rows = [[""]];
    const tokens = text.replace(/^\uFEFF/, "").matchAll(/"((?:[^"]|"")*)"|(,)|(\r?\n)|([^",\r\n]+)/g);
    for (const [, inQuotes, comma, end, plain] of tokens) {
      const row = rows[rows.length - 1];
      if (comma) row.push("");
      else if (end) rows.push([""]);
      else row[row.length - 1] += inQuotes === undefined ? plain : inQuotes.replaceAll('""', '"');
    }
    return rows.filter((row) => row.length > 1);
  }

  report.loadVerdicts = function (text) {
    const [header = [], ...rows] = rowsOf(text);
    const columns = Object.fromEntries(header.map((name, index) => [name, index]));
    if (!("mask" in columns && "verdict" in columns && "hdu" in columns && "plane" in columns)) return -1;
    const identity = (mask, hdu, plane) => JSON.stringify([mask, String(hdu), String(plane)]);
    const frames = new Map(report.frames.map((frame) => [identity(frame.mask, frame.hdu, frame.plane), frame]));
    let count = 0;
    for (const row of rows) {
      const frame = frames.get(identity(row[columns.mask], row[columns.hdu], row[columns.plane]));
      if (frame && VERDICTS.includes(row[columns.verdict])) {
        noted[frame.key] = row[columns.verdict];
        count += 1;
      }
    }
    keep();
    return count;
  };

  report.parts.push(function () {
    try {
      noted = JSON.parse(localStorage.getItem(place()) ?? "{}") ?? {};
    } catch {
      noted = {};
    }
    report.byId("count-noted").textContent = report.frames.filter((frame) => noted[frame.key]).length;
    report.byId("save").addEventListener("click", report.saveVerdicts);
    report.byId("load").addEventListener("change", async function (event) {
      const [file] = event.target.files;
      if (!file) return;
      const count = report.loadVerdicts(await file.text());
      alert(count < 0 ? "This is no CSV file of verdicts." : `${count} verdicts loaded.`);
      event.target.value = "";
    });
    for (const button of document.querySelectorAll("#verdicts button")) {
      button.addEventListener("click", () => report.toggleVerdict(report.current, button.dataset.verdict));
    }
  });
})(skysieveReport);
