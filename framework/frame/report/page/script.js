// The page reads without this: it shows an epoch's values beside the chart's title, for fingers too, and prints all.
for (const figure of document.querySelectorAll(".chart")) {
  const readout = figure.querySelector(".readout");
  if (!readout) continue;
  let on = null;
  const show = (band) => {
    on?.classList.remove("on");
    on = band;
    on?.classList.add("on");
    readout.textContent = band ? band.dataset.text : readout.dataset.rest;
  };
  const look = (event) => {
    const band = document.elementFromPoint(event.clientX, event.clientY)?.closest(".band");
    if (band && figure.contains(band)) show(band);
  };
  figure.addEventListener("pointermove", look);
  figure.addEventListener("pointerdown", look);
  figure.addEventListener("pointerleave", () => show(null));
}
addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((each) => (each.open = true)));
