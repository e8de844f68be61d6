"use strict";
/* State of the report, the address of the page, keys, and the theme. Other scripts add their parts to
   skysieveReport. Text from files only ever becomes text nodes and attributes, never HTML. */

const skysieveReport = {
  frames: [],       // in the order of attention
  classes: [],
  byKey: new Map(),
  shown: [],        // in the order of the table, after the filters
  current: null,    // the frame whose page is shown
  parts: [],        // called once after the data has come
};

(function (report) {
  const SVG = "http://www.w3.org/2000/svg";

  report.element = function (name, properties = {}, ...children) {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(properties)) {
      if (key in made) made[key] = value;
      else made.setAttribute(key, value);
    }
    made.append(...children);
    return made;
  };

  report.drawing = function (name, attributes = {}, text = "") {
    const made = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    if (text) made.textContent = text;
    return made;
  };

  report.byId = (id) => document.getElementById(id);

  report.percent = function (fraction) {
    if (fraction === undefined || fraction === null) return "";
    if (fraction === 0) return "0";
    const value = 100 * fraction;
    return value >= 10 ? `${value.toFixed(0)}%` : `${Number(value.toPrecision(2))}%`;
  };

  report.fractionOf = (frame, name) => (name === "bad" ? frame.bad : frame.fractions[name] ?? 0);

  report.shortName = function (frame) {
    const file = frame.file.slice(frame.file.lastIndexOf("/") + 1);
    const where = frame.name && frame.name !== "PRIMARY" ? ` [${frame.name}]` : frame.hdu ? ` [${frame.hdu}]` : "";
    return file + where + (frame.plane ? ` plane ${frame.plane}` : "");
  };

  report.timeOf = function (frame) {
    if (frame.mjd === null) return "";
    const date = new Date(1000 * Math.round((frame.mjd - 40587) * 86400));
    return date.toISOString().slice(0, 19).replace("T", " ");
  };

  report.isNamed = (frame) => frame.reasons.length > 0;

  report.addressOf = (frame) => `#frame=${frame.key}`;

  /* Called by the file of the data. */
  report.begin = function (content) {
    report.id = content.id;
    report.classes = content.classes;
    report.frames = content.frames;
    report.shown = report.frames;
    for (const frame of report.frames) report.byKey.set(frame.key, frame);
    for (const part of report.parts) part();
    window.addEventListener("hashchange", follow);
    if (report.frames.length === 1 && !location.hash) {
      history.replaceState(null, "", report.addressOf(report.frames[0]));
    }
    follow();
  };

  /* Show the page that the address names. */
  function follow() {
    const key = new URLSearchParams(location.hash.slice(1)).get("frame");
    const frame = report.byKey.get(key) ?? null;
    report.current = frame;
    report.byId("list").hidden = frame !== null;
    report.byId("frame").hidden = frame === null;
    if (frame === null) report.showList();
    else report.showFrame(frame);
  }

  report.go = function (frame) {
    if (frame) location.hash = report.addressOf(frame);
  };

  report.neighbour = function (step) {
    const index = report.shown.indexOf(report.current);
    if (index < 0) return report.shown[0];
    return report.shown[index + step];
  };

  const root = document.documentElement;
  function setTheme(theme) {
    root.dataset.theme = theme;
    try { localStorage.setItem("skysieve-theme", theme); } catch { /* storage is switched off */ }
  }
  function changeTheme() {
    const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    setTheme(dark ? "light" : "dark");
  }
  try {
    const kept = localStorage.getItem("skysieve-theme");
    if (kept === "dark" || kept === "light") root.dataset.theme = kept;
  } catch { /* storage is switched off */ }
  report.byId("theme").addEventListener("click", changeTheme);
  report.byId("show-keys").addEventListener("click", () => report.byId("keys").showModal());

  const VERDICT_KEYS = { g: "good", b: "bad", l: "look again" };
  const PAN = { ArrowLeft: [1, 0], ArrowRight: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };

  document.addEventListener("keydown", function (event) {
    if (event.ctrlKey || event.metaKey || event.altKey || report.byId("keys").open) return;
    const typing = event.target.matches("input[type=search], input[type=range], select");
    if (typing) {
      if (event.key === "Escape") event.target.blur();
      return;
    }
    const viewing = report.current !== null;
    const key = event.key;
    if (key === "?") report.byId("keys").showModal();
    else if (key === "t") changeTheme();
    else if (key === "s") report.saveVerdicts();
    else if (key === "j") report.go(viewing ? report.neighbour(1) : report.shown[0]);
    else if (key === "k" && viewing) report.go(report.neighbour(-1));
    else if (key === "Escape" && viewing) location.hash = "";
    else if (key === "/" && !viewing) report.byId("search").focus();
    else if (!viewing) return;
    else if (key in VERDICT_KEYS) report.toggleVerdict(report.current, VERDICT_KEYS[key]);
    else if (key === "a") report.toggleAll();
    else if (/^[1-9]$/.test(key)) report.toggleClass(Number(key) - 1);
    else if (key === "+" || key === "=") report.zoomBy(1.5);
    else if (key === "-") report.zoomBy(1 / 1.5);
    else if (key === "0") report.zoomFit();
    else if (key in PAN) report.panBy(60 * PAN[key][0], 60 * PAN[key][1]);
    else return;
    event.preventDefault();
  });
})(skysieveReport);
