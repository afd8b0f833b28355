// The graph of a workflow or an execution: an SVG that the server draws, with the classes that the sheet colours.

const HEADING = 92; // of the drawing; a page has its own
const LEAST = 0.7;

/** Show the graph at this address of the control plane, or why there is none. */
export async function showGraph(place, url) {
  const response = await fetch(url, { cache: "no-store" });
  const text = await response.text();
  if (!response.ok) {
    place.textContent = response.status === 409 ? JSON.parse(text).meta.errors[0].message : "";
    return;
  }
  const drawn = document.importNode(new DOMParser().parseFromString(text, "image/svg+xml").documentElement, true);
  const { width, height } = drawn.viewBox.baseVal;
  drawn.setAttribute("viewBox", `0 ${HEADING} ${width} ${height - HEADING}`);
  drawn.setAttribute("height", height - HEADING);
  drawn.style.maxWidth = `${width}px`; // it shrinks with the page, as far as it can be read
  drawn.style.minWidth = `${Math.round(width * LEAST)}px`;
  const { scrollLeft, scrollTop } = place;
  place.replaceChildren(drawn);
  place.scrollTo(scrollLeft, scrollTop);
}
