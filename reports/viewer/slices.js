// Three slices of the T1w through one place, with the map of the turning cortex upon them.
// In radiological convention: the patient's right is on the left of axial and coronal slices.
"use strict";
const openSlices = async (data, look) => {
  const inflate = async (text) => {
    const packed = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
    return new Response(stream).arrayBuffer();
  };
  const t1w = new Uint8Array(await inflate(data.t1w));
  const region = new Int16Array(await inflate(data.region));
  const [, ny, nz] = data.shape;
  // Axis across, axis and direction to the right and upwards, letters left, right, above, below.
  const planes = {
    axial: { across: 2, right: [0, -1], up: [1, 1], letters: ["R", "L", "A", "P"] },
    coronal: { across: 1, right: [0, -1], up: [2, 1], letters: ["R", "L", "S", "I"] },
    sagittal: { across: 0, right: [1, -1], up: [2, 1], letters: ["A", "P", "S", "I"] },
  };
  const sides = [["R", "L"], ["A", "P"], ["S", "I"]];
  const along = (axis, mm) => `${sides[axis][Math.round(mm) < 0 ? 1 : 0]} ${Math.abs(Math.round(mm))}`;
  const told = document.getElementById("slices-told");
  const state = { at: [0, 0, 0], level: () => 0, contacts: [], names: false };
  const voxel = (axis, mm) =>
    Math.max(0, Math.min(data.shape[axis] - 1, Math.round((mm - data.low[axis]) / data.step)));
  const index = (at) => (at[0] * ny + at[1]) * nz + at[2];
  const number = (axis, sign, i) => (sign > 0 ? i : data.shape[axis] - 1 - i);

  const draw = (name) => {
    const { across, right, up, letters } = planes[name];
    const canvas = document.getElementById(`slice-${name}`);
    const [width, height] = [data.shape[right[0]], data.shape[up[0]]];
    const image = new ImageData(width, height);
    const at = [0, 0, 0];
    at[across] = voxel(across, state.at[across]);
    for (let row = 0; row < height; row++) {
      at[up[0]] = number(up[0], -up[1], row);
      for (let column = 0; column < width; column++) {
        at[right[0]] = number(right[0], right[1], column);
        const here = index(at);
        const level = region[here] < 0 ? 0 : state.level(region[here]);
        const share = level >= 255 * look.shownFrom ? 0.6 : 0;
        for (let c = 0; c < 3; c++)
          image.data[4 * (row * width + column) + c] =
            (1 - share) * t1w[here] + share * look.colours[3 * level + c];
        image.data[4 * (row * width + column) + 3] = 255;
      }
    }
    const small = new OffscreenCanvas(width, height);
    small.getContext("2d").putImageData(image, 0, 0);
    const scale = 2; // of all slices alike, in the page as in the canvas
    [canvas.width, canvas.height] = [scale * width, scale * height];
    canvas.parentElement.style.flexGrow = width;
    const pen = canvas.getContext("2d");
    pen.drawImage(small, 0, 0, canvas.width, canvas.height);
    const place = (mm) => [
      scale * (number(right[0], right[1], voxel(right[0], mm[right[0]])) + 0.5),
      scale * (number(up[0], -up[1], voxel(up[0], mm[up[0]])) + 0.5),
    ];
    const [x, y] = place(state.at);
    pen.strokeStyle = "#d55e00";
    pen.strokeRect(x - 5, y - 5, 10, 10);
    pen.font = "bold 13px 'DejaVu Sans'";
    pen.fillStyle = "white";
    for (const contact of state.contacts) {
      if (Math.abs(contact.pos[across] - state.at[across]) > 3) continue;
      const [cx, cy] = place(contact.pos);
      pen.beginPath();
      pen.arc(cx, cy, contact.soz ? 4 : 2.5, 0, 2 * Math.PI);
      pen.fillStyle = contact.soz ? look.sozColour : "white";
      pen.fill();
      if (state.names) pen.fillText(contact.name, cx + 5, cy - 4);
    }
    pen.fillStyle = "white";
    const spots = [[4, canvas.height / 2], [canvas.width - 14, canvas.height / 2],
      [canvas.width / 2, 14], [canvas.width / 2, canvas.height - 5]];
    letters.forEach((letter, i) => pen.fillText(letter, ...spots[i]));
    document.getElementById(`slice-${name}-told`).textContent =
      `${name}, ${along(across, state.at[across])} mm`;
  };
  const show = () => {
    Object.keys(planes).forEach(draw);
    const here = region[index([0, 1, 2].map((axis) => voxel(axis, state.at[axis])))];
    const where = here < 0 ? "no cortex"
      : `${data.gyri[data.gyrusOfRegion[here]]}, ${Math.round((100 * state.level(here)) / 255)} %`;
    told.textContent = `${state.at.map((mm, axis) => along(axis, mm)).join(" · ")} mm: ${where}`;
  };
  Object.entries(planes).forEach(([name, { right, up }]) =>
    document.getElementById(`slice-${name}`).addEventListener("click", (event) => {
      const canvas = event.target;
      const part = [event.offsetX / canvas.clientWidth, event.offsetY / canvas.clientHeight];
      [[right[0], right[1], part[0]], [up[0], -up[1], part[1]]].forEach(([axis, sign, share]) => {
        const i = Math.min(data.shape[axis] - 1, Math.floor(share * data.shape[axis]));
        state.at[axis] = data.low[axis] + data.step * number(axis, sign, i);
      });
      show();
    }));
  return {
    // What is given is changed; the rest stays.
    update: (changed) => { Object.assign(state, changed); show(); },
    goTo: (mm) => { state.at = Array.from(mm); show(); },
    regionPositions: data.regionPositions,
  };
};
