"use strict";
/* The page of a frame: picture and outlines, zoom and pan, coordinates, frames of the same exposure. */

(function (report) {
  const svg = report.byId("viewer"), stage = report.byId("stage");
  const view = { scale: 1, x: 0, y: 0, fitted: true };
  const off = new Set();  // classes that are switched off, for all frames
  let content = null;     // of the file of the frame
  let waiting = null;

  /* Called by the file of a frame. */
  report.receive = function (received) {
    if (report.current !== null && report.current.key === received.key) {
      content = received;
      drawFrame(report.current);
    }
  };

  report.showFrame = function (frame) {
    content = null;
    stage.replaceChildren();
    document.body.scrollIntoView();
    report.byId("frame-name").textContent = report.shortName(frame);
    const index = report.shown.indexOf(frame);
    report.byId("frame-place").textContent = index < 0 ? "" : `${index + 1} of ${report.shown.length}`;
    report.byId("frame-note").hidden = !frame.note;
    report.byId("frame-note").textContent = frame.note && `The frame is not shown: ${frame.note}`;
    point("previous", report.neighbour(-1));
    point("next", report.neighbour(1));
    report.byId("reasons").replaceChildren(
      ...frame.reasons.filter((line) => line !== frame.note).map((line) => report.element("li", { textContent: line })),
    );
    for (const label of document.querySelectorAll("#classes label")) {
      const box = label.querySelector("input");
      const part = frame.fractions[box.dataset.class] ?? 0;
      label.classList.toggle("absent", part === 0);
      label.querySelector(".part").textContent = report.percent(part);
      box.checked = !off.has(box.dataset.class);
    }
    report.byId("coordinates").textContent = "\u00a0";
    showCards(frame, []);
    report.showVerdict();
    showExposure(frame);
    report.drawSmallChart(frame);
    waiting?.remove();
    waiting = report.element("script", { src: `frames/${frame.key}.js` });
    waiting.addEventListener("error", function () {
      report.byId("frame-note").hidden = false;
      report.byId("frame-note").textContent = `frames/${frame.key}.js cannot be read; copy the whole folder of the report.`;
    });
    document.head.append(waiting);
  };

  function point(id, frame) {
    const link = report.byId(id);
    link.toggleAttribute("hidden", !frame);
    if (frame) link.href = report.addressOf(frame);
  }

  function showCards(frame, cards) {
    const rows = [["file", frame.file], ["mask", frame.mask], ["size", `${frame.width} \u00d7 ${frame.height} pixels`], ...cards];
    if (frame.unlike !== null) rows.push(["unlike", `${frame.unlike}${frame.unlikeBy ? `, ${frame.unlikeBy}` : ""}`]);
    if (frame.tracking !== null) rows.push(["tracking", String(frame.tracking)]);
    report.byId("cards").replaceChildren(
      ...rows.flatMap(([name, value]) => [report.element("dt", { textContent: name }), report.element("dd", { textContent: value })]),
    );
  }

  function drawFrame(frame) {
    const area = content.picture;
    stage.replaceChildren(
      report.drawing("image", { href: `pictures/${frame.key}.jpg`, x: 0, y: area.y, width: area.width, height: area.height, preserveAspectRatio: "none" }),
      report.drawing("path", { class: "border", d: `M0 0h${frame.width}v${frame.height}h${-frame.width}z` }),
    );
    // the first class is on top
    for (const one of [...report.classes].reverse()) {
      const path = content.outlines[one.name];
      if (!path) continue;
      stage.append(report.drawing("path", { d: path, stroke: one.colour, "data-outline": one.name }));
    }
    showCards(frame, content.cards);
    applyLook();
    report.zoomFit();
  }

  function applyLook() {
    const [opacity, width, brightness, contrast] = ["opacity", "width", "brightness", "contrast"].map((id) => report.byId(id).value);
    for (const path of stage.querySelectorAll("path[data-outline]")) {
      path.setAttribute("stroke-opacity", opacity);
      path.setAttribute("stroke-width", width);
      path.style.display = off.has(path.dataset.outline) ? "none" : "";
    }
    const image = stage.querySelector("image");
    const inverted = report.byId("inverted").checked ? " invert(1)" : "";
    if (image) image.style.filter = `brightness(${brightness}) contrast(${contrast})${inverted}`;
    for (const box of document.querySelectorAll("#classes input")) box.checked = !off.has(box.dataset.class);
  }

  report.toggleClass = function (index) {
    const present = report.classes.filter((one) => report.current.fractions[one.name]);
    if (index >= present.length) return;
    const { name } = present[index];
    off.has(name) ? off.delete(name) : off.add(name);
    applyLook();
  };

  report.toggleAll = function () {
    const all = report.classes.map((one) => one.name);
    off.size ? off.clear() : all.forEach((name) => off.add(name));
    applyLook();
  };

  /* Zoom and pan: the stage has pixels of the frame, y downwards. */
  function place() {
    stage.setAttribute("transform", `translate(${view.x} ${view.y}) scale(${view.scale})`);
  }

  report.zoomFit = function () {
    const frame = report.current;
    const [width, height] = [svg.clientWidth, svg.clientHeight];
    view.scale = Math.min(width / frame.width, height / frame.height) * 0.98;
    view.x = (width - frame.width * view.scale) / 2;
    view.y = (height - frame.height * view.scale) / 2;
    view.fitted = true;
    place();
  };

  report.zoomBy = function (factor, x = svg.clientWidth / 2, y = svg.clientHeight / 2) {
    const scale = Math.min(64, Math.max(0.01, view.scale * factor));
    view.x = x - (x - view.x) * (scale / view.scale);
    view.y = y - (y - view.y) * (scale / view.scale);
    view.scale = scale;
    view.fitted = false;
    place();
  };

  report.panBy = function (x, y) {
    view.x += x;
    view.y += y;
    view.fitted = false;
    place();
  };

  const within = (event) => {
    const box = svg.getBoundingClientRect();
    return [event.clientX - box.left - svg.clientLeft, event.clientY - box.top - svg.clientTop];
  };

  svg.addEventListener("wheel", function (event) {
    event.preventDefault();
    report.zoomBy(Math.exp(-event.deltaY / 400), ...within(event));
  }, { passive: false });

  let held = null;
  svg.addEventListener("pointerdown", function (event) {
    held = within(event);
    svg.setPointerCapture(event.pointerId);
  });
  svg.addEventListener("pointerup", () => { held = null; });
  svg.addEventListener("pointermove", function (event) {
    const [x, y] = within(event);
    if (held) {
      report.panBy(x - held[0], y - held[1]);
      held = [x, y];
    }
    showCoordinates((x - view.x) / view.scale, (y - view.y) / view.scale);
  });
  svg.addEventListener("pointerleave", () => { report.byId("coordinates").textContent = "\u00a0"; });

  /* Pixel coordinates as in FITS: the centre of the first pixel, at the lower left, is (1, 1). */
  function showCoordinates(x, y) {
    const frame = report.current;
    if (content === null || x < 0 || y < 0 || x > frame.width || y > frame.height) {
      report.byId("coordinates").textContent = "\u00a0";
      return;
    }
    const up = frame.height - y;
    let words = `x ${(x + 0.5).toFixed(1)}  y ${(up + 0.5).toFixed(1)}`;
    if (content.sky) {
      const [ra, dec] = report.skyAt(content.sky, x / frame.width, up / frame.height);
      words += `   ${sexagesimal(ra / 15, 2)} ${dec < 0 ? "\u2212" : "+"}${sexagesimal(Math.abs(dec), 1)}   (${ra.toFixed(5)}, ${dec.toFixed(5)})`;
    }
    report.byId("coordinates").textContent = words;
  }

  /* Sky coordinates at a place of the frame, each from 0 to 1: the grid is interpolated in the tangent plane. */
  report.skyAt = function (sky, across, up) {
    const last = sky.nodes - 1;
    const column = Math.min(last - 1, Math.floor(across * last)), row = Math.min(last - 1, Math.floor(up * last));
    const a = across * last - column, b = up * last - row;
    const at = (values) => {
      const [low, high] = [row * sky.nodes + column, (row + 1) * sky.nodes + column];
      return (1 - b) * ((1 - a) * values[low] + a * values[low + 1]) + b * ((1 - a) * values[high] + a * values[high + 1]);
    };
    const [east, north] = [at(sky.east), at(sky.north)];
    const [ra0, dec0] = sky.centre.map((angle) => (angle * Math.PI) / 180);
    const depth = Math.cos(dec0) - north * Math.sin(dec0);
    const ra = ((ra0 + Math.atan2(east, depth)) * 180) / Math.PI;
    const dec = Math.atan2(Math.sin(dec0) + north * Math.cos(dec0), Math.hypot(east, depth));
    return [((ra % 360) + 360) % 360, (dec * 180) / Math.PI];
  };

  function sexagesimal(value, digits) {
    const unit = 10 ** digits;
    const total = Math.round(value * 3600 * unit);
    const seconds = (total % (60 * unit)) / unit;
    const minutes = Math.floor(total / (60 * unit));
    return `${String(Math.floor(minutes / 60)).padStart(2, "0")}:${String(minutes % 60).padStart(2, "0")}:${seconds.toFixed(digits).padStart(digits + 3, "0")}`;
  }

  /* Frames of the same exposure, as a map of the sky with east to the left, and as a list. */
  function showExposure(frame) {
    const same = report.frames.filter((one) => one.exposure === frame.exposure)
      .sort((a, b) => a.file.localeCompare(b.file) || a.hdu - b.hdu || a.plane - b.plane);
    report.byId("exposure").hidden = same.length < 2;
    if (same.length < 2) return;
    report.byId("siblings").replaceChildren(...same.map((one) => report.element("a", {
      href: report.addressOf(one), className: one === frame ? "here" : "", textContent: labelOf(one, same), title: one.file,
    })));
    const map = report.byId("map");
    map.replaceChildren();
    const placed = same.filter((one) => one.corners.length);
    map.toggleAttribute("hidden", placed.length < 2);
    if (placed.length < 2) return;
    const [ra0, dec0] = placed[0].corners[0];
    const flat = ([ra, dec]) => {
      const turn = ((ra - ra0 + 540) % 360) - 180;
      return [-turn * Math.cos((dec0 * Math.PI) / 180), -(dec - dec0)];
    };
    const all = placed.flatMap((one) => one.corners.map(flat));
    const [left, right] = [Math.min(...all.map((p) => p[0])), Math.max(...all.map((p) => p[0]))];
    const [top, bottom] = [Math.min(...all.map((p) => p[1])), Math.max(...all.map((p) => p[1]))];
    const margin = 0.03 * Math.max(right - left, bottom - top, 1e-6);
    map.setAttribute("viewBox", `${left - margin} ${top - margin} ${right - left + 2 * margin} ${bottom - top + 2 * margin}`);
    for (const one of placed) {
      const kind = one === frame ? "here" : report.isNamed(one) ? "named" : "";
      const link = report.drawing("a", { href: report.addressOf(one) });
      const shape = report.drawing("polygon", { points: one.corners.map((corner) => flat(corner).join(",")).join(" "), class: kind });
      shape.append(report.drawing("title", {}, report.shortName(one)));
      link.append(shape);
      map.append(link);
    }
  }

  function labelOf(frame, same) {
    const oneFile = same.every((one) => one.file === frame.file);
    if (!oneFile) return report.shortName(frame);
    return (frame.name || `[${frame.hdu}]`) + (frame.plane ? ` plane ${frame.plane}` : "");
  }

  report.parts.push(function () {
    for (const id of ["opacity", "width", "brightness", "contrast", "inverted"]) report.byId(id).addEventListener("input", applyLook);
    for (const box of document.querySelectorAll("#classes input")) {
      box.addEventListener("input", function () {
        box.checked ? off.delete(box.dataset.class) : off.add(box.dataset.class);
        applyLook();
      });
    }
    report.byId("all-on").addEventListener("click", () => { off.clear(); applyLook(); });
    report.byId("all-off").addEventListener("click", () => { report.classes.forEach((one) => off.add(one.name)); applyLook(); });
    report.byId("zoom-in").addEventListener("click", () => report.zoomBy(1.5));
    report.byId("zoom-out").addEventListener("click", () => report.zoomBy(1 / 1.5));
    report.byId("zoom-fit").addEventListener("click", report.zoomFit);
    report.byId("zoom-one").addEventListener("click", () => report.zoomBy(1 / view.scale));
    new ResizeObserver(() => { if (report.current !== null && content !== null && view.fitted) report.zoomFit(); }).observe(svg);
  });
})(skysieveReport);
