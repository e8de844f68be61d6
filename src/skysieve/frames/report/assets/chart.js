"use strict";
/* Fractions over the night: one dot a frame, on a logarithmic scale. */

(function (report) {
  const LEAST = 1e-5;  // fractions below are drawn here
  const LEFT = 52, RIGHT = 12, TOP = 10, BOTTOM = 20;

  function draw(svg, frames, name, here) {
    svg.replaceChildren();
    const width = svg.clientWidth, height = svg.clientHeight;
    if (!frames.length || !width) return;
    const timed = frames.filter((frame) => frame.mjd !== null).sort((a, b) => a.mjd - b.mjd);
    const inOrder = timed.length ? timed : frames;
    const oneNight = timed.length > 1 && new Set(timed.map((frame) => frame.night)).size === 1;
    const [first, last] = [inOrder[0].mjd, inOrder[inOrder.length - 1].mjd];
    const across = (frame, index) => oneNight && last > first
      ? (frame.mjd - first) / (last - first)
      : inOrder.length > 1 ? index / (inOrder.length - 1) : 0.5;
    const values = inOrder.map((frame) => report.fractionOf(frame, name));
    const top = Math.max(1e-3, ...values);
    const up = (value) => Math.log(Math.max(value, LEAST) / LEAST) / Math.log(top / LEAST);
    const x = (part) => LEFT + part * (width - LEFT - RIGHT);
    const y = (value) => height - BOTTOM - up(value) * (height - TOP - BOTTOM);
    for (let mark = LEAST; mark <= top * 1.001; mark *= 10) {
      svg.append(report.drawing("line", { x1: LEFT, x2: width - RIGHT, y1: y(mark), y2: y(mark), class: "chart-line" }));
      svg.append(report.drawing("text", { x: LEFT - 6, y: y(mark) + 4, "text-anchor": "end", class: "chart-text" }, report.percent(mark)));
    }
    const sorted = [...values].sort((a, b) => a - b);
    const median = sorted[Math.floor(sorted.length / 2)];
    svg.append(report.drawing("line", { x1: LEFT, x2: width - RIGHT, y1: y(median), y2: y(median), class: "chart-median" }));
    const ends = timed.length ? [report.timeOf(inOrder[0]), report.timeOf(inOrder[inOrder.length - 1])] : ["first", "last"];
    svg.append(report.drawing("text", { x: LEFT, y: height - 4, class: "chart-text" }, ends[0]));
    if (inOrder.length > 1 && (last !== first || !timed.length)) svg.append(report.drawing("text", { x: width - RIGHT, y: height - 4, "text-anchor": "end", class: "chart-text" }, ends[1]));
    inOrder.forEach(function (frame, index) {
      const kind = frame === here ? " here" : report.isNamed(frame) ? " named" : "";
      const dot = report.drawing("circle", { cx: x(across(frame, index)), cy: y(values[index]), r: frame === here ? 5 : 3, class: `chart-dot${kind}` });
      dot.append(report.drawing("title", {}, `${report.shortName(frame)}: ${report.percent(values[index])}`));
      dot.addEventListener("click", () => report.go(frame));
      svg.append(dot);
    });
    const missing = frames.length - inOrder.length;
    return `median ${report.percent(median)}; ${oneNight ? "over the night" : timed.length ? "in order of time" : "in order of the table"}` +
      (missing ? `; without a time, not shown: ${missing}` : "");
  }

  report.drawChart = function () {
    report.byId("chart-words").textContent = draw(report.byId("chart"), report.shown, report.byId("chart-class").value, null) ?? "";
  };

  report.drawSmallChart = function (frame) {
    const same = report.frames.filter((one) => one.night === frame.night);
    report.byId("night").hidden = same.length < 2;
    draw(report.byId("small-chart"), same, report.byId("chart-class").value, frame);
  };

  report.parts.push(function () {
    report.byId("chart-class").addEventListener("input", report.drawChart);
    window.addEventListener("resize", () => (report.current ? report.drawSmallChart(report.current) : report.drawChart()));
  });
})(skysieveReport);
