// The cortex that can be turned, with the map at the time that the slider gives.
// Draws with niivue (niivue.umd.js); data and elements are those of viewer.html.j2.
"use strict";
(async () => {
  const data = JSON.parse(document.getElementById("cortex-data").textContent);
  const canvas = document.getElementById("cortex-canvas");
  const slider = document.getElementById("cortex-time");
  const told = document.getElementById("cortex-time-told");
  const surface = document.getElementById("cortex-surface");
  const contactsShown = document.getElementById("cortex-contacts");
  const seeThrough = document.getElementById("cortex-transparent");
  const type = document.getElementById("cortex-type");
  const method = document.getElementById("cortex-method");
  const mapTold = document.getElementById("cortex-map-told");
  const onset = document.getElementById("cortex-onset");

  const fail = (why) => {
    document.getElementById("cortex-failed").textContent =
      `The cortex that can be turned is not shown: ${why}. The pictures show the same map.`;
    document.getElementById("cortex-failed").hidden = false;
    document.getElementById("cortex-viewer").hidden = true;
  };
  if (!document.createElement("canvas").getContext("webgl2")) {
    fail("this browser has no WebGL 2");
    return;
  }

  const bytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)).buffer;
  const positions = {
    pial: new Float32Array(bytes(data.surfaces.pial)),
    inflated: new Float32Array(bytes(data.surfaces.inflated)),
  };
  const faces = Uint32Array.from(new Uint16Array(bytes(data.faces)));
  const depth = new Int8Array(bytes(data.depth));
  const region = new Int16Array(bytes(data.vertexRegion));
  const colours = new Uint8Array(bytes(data.colours));

  // Vertices on the edge of a marked area: its outline.
  const edge = (text) => {
    const inside = new Uint8Array(bytes(text));
    const onEdge = new Uint8Array(inside.length);
    for (let f = 0; f < faces.length; f += 3) {
      const corners = [faces[f], faces[f + 1], faces[f + 2]];
      const n = inside[corners[0]] + inside[corners[1]] + inside[corners[2]];
      if (n > 0 && n < 3) corners.forEach((v) => (onEdge[v] |= inside[v]));
    }
    return onEdge;
  };
  const resectionEdge = data.resection ? edge(data.resection) : null;

  // What is shown: the times of a type of spikes, and the map of one of its methods.
  const shown = {};
  const nearest = (ms) => shown.timesMs.reduce(
    (best, time, i) => (Math.abs(time - ms) < Math.abs(shown.timesMs[best] - ms) ? i : best), 0);
  const chooseMap = () => {
    const map = data.types[type.value].maps[method.selectedIndex];
    shown.activity = new Uint8Array(bytes(map.activity));
    shown.nRegions = shown.activity.length / shown.timesMs.length;
    shown.extentEdge = edge(map.extent);
    const title = data.types[type.value].title;
    mapTold.textContent = title ? `${title}: ${map.name}` : map.name;
  };
  const chooseType = () => {
    const own = data.types[type.value];
    const before = method.value;
    method.replaceChildren(...own.maps.map((map) => new Option(map.name)));
    if (own.maps.some((map) => map.name === before)) method.value = before;
    shown.timesMs = own.timesMs;
    onset.hidden = own.onsetMs === null;
    onset.dataset.time = own.onsetMs ?? 0;
    slider.max = own.timesMs.length - 1;
    slider.value = nearest(0);
    chooseMap();
  };
  chooseType();

  const paint = (frame) => {
    const rgba = new Uint8Array(4 * region.length);
    for (let v = 0; v < region.length; v++) {
      const level = region[v] < 0 ? 0 : shown.activity[frame * shown.nRegions + region[v]];
      let rgb;
      if (shown.extentEdge[v]) rgb = [0, 0, 0];
      else if (resectionEdge && resectionEdge[v]) rgb = data.resectionColour;
      else if (level >= 255 * data.shownFrom) rgb = colours.subarray(3 * level, 3 * level + 3);
      else rgb = Array(3).fill(220 - (35 * depth[v]) / 127);
      rgba.set(rgb, 4 * v);
      rgba[4 * v + 3] = 255;
    }
    return rgba;
  };

  const viewer = new niivue.Niivue({
    backColor: [1, 1, 1, 1],
    dragAndDropEnabled: false,
    isOrientCube: true,
    loadingText: "",
    logLevel: "error",
    show3Dcrosshair: false,
  });
  await viewer.attachToCanvas(canvas);
  viewer.setSliceType(viewer.sliceTypeRender);
  const mesh = (points, triangles, rgba, name) =>
    new niivue.NVMesh(points, triangles, name, rgba, 1, true, viewer.gl);

  const cortex = mesh(positions.pial, faces, paint(Number(slider.value)), "cortex");
  viewer.addMesh(cortex);
  let contacts = null;
  if (data.contacts) {
    const soz = new Uint8Array(bytes(data.contacts.soz));
    const rgba = new Uint8Array(4 * soz.length);
    soz.forEach((is, v) => rgba.set([...(is ? data.sozColour : [255, 255, 255]), 255], 4 * v));
    contacts = mesh(
      new Float32Array(bytes(data.contacts.positions)),
      new Uint32Array(bytes(data.contacts.faces)), rgba, "contacts");
    viewer.addMesh(contacts);
  }

  const slices = await openSlices(data.slices, {
    colours,
    shownFrom: data.shownFrom,
    sozColour: `rgb(${data.sozColour.join(",")})`,
  });
  const levelNow = (r) => shown.activity[Number(slider.value) * shown.nRegions + r];
  const goToMaximum = () => {
    const levels = slices.regionPositions.map((_, r) => levelNow(r));
    slices.goTo(slices.regionPositions[levels.indexOf(Math.max(...levels))]);
  };

  // Where a place of the surface lies on the canvas, in its own pixels, and how far from the eye.
  const matrix = () => viewer.calculateMvpMatrix(null, [0, 0, canvas.width, canvas.height],
    viewer.scene.renderAzimuth, viewer.scene.renderElevation)[0];
  const onCanvas = (m, pos) => {
    const [x, y, z, w] = [0, 1, 2, 3].map(
      (i) => m[i] * pos[0] + m[4 + i] * pos[1] + m[8 + i] * pos[2] + m[12 + i]);
    return [((x / w + 1) / 2) * canvas.clientWidth, ((1 - y / w) / 2) * canvas.clientHeight, z / w];
  };
  const names = document.getElementById("cortex-names");
  const stage = canvas.parentElement;
  const tags = (data.contacts ? data.contacts.places : []).map((contact) => {
    const tag = document.createElement("span");
    tag.className = "contact-name";
    tag.textContent = contact.name;
    tag.hidden = true;
    stage.append(tag);
    return { tag, contact };
  });
  let pointer = null;
  const placeNames = () => {
    const m = matrix();
    const drawn = contacts && contacts.visible;
    const places = tags.map(({ tag, contact }) => ({ tag, at: onCanvas(m, contact.pos) }));
    const hovered = places
      .filter(({ at }) => pointer && Math.hypot(at[0] - pointer[0], at[1] - pointer[1]) < 7)
      .sort((a, b) => a.at[2] - b.at[2]);
    for (const place of places) {
      // Along a shaft one sees all of its contacts in one place: a list, from the eye inwards.
      const row = names.checked ? -1 : hovered.indexOf(place);
      const [x, y] = row < 0 ? place.at : [pointer[0], pointer[1] + 17 * row];
      place.tag.hidden = !drawn || !(names.checked || row >= 0);
      place.tag.style.left = `${x}px`;
      place.tag.style.top = `${y}px`;
    }
  };
  canvas.addEventListener("mousemove", (event) => {
    pointer = [event.offsetX, event.offsetY];
    placeNames();
  });
  canvas.addEventListener("mouseleave", () => { pointer = null; placeNames(); });
  canvas.addEventListener("wheel", () => requestAnimationFrame(placeNames), { passive: true });
  // A click, unlike a drag, takes the slices to the place that lies nearest to the eye there.
  let pressed = null;
  canvas.addEventListener("pointerdown", (event) => { pressed = [event.offsetX, event.offsetY]; });
  canvas.addEventListener("pointerup", (event) => {
    if (!pressed || Math.hypot(event.offsetX - pressed[0], event.offsetY - pressed[1]) > 3) return;
    const m = matrix();
    const points = positions[surface.value];
    let [best, depthThere] = [-1, Infinity];
    for (const v of new Set(cortex.tris)) {
      const [x, y, z] = onCanvas(m, points.subarray(3 * v, 3 * v + 3));
      if (Math.hypot(x - event.offsetX, y - event.offsetY) < 6 && z < depthThere)
        [best, depthThere] = [v, z];
    }
    if (best >= 0) slices.goTo(positions.pial.subarray(3 * best, 3 * best + 3));
  });

  const show = () => {
    const frame = Number(slider.value);
    const ms = shown.timesMs[frame].toFixed(0).replace("-", "\u2212");
    told.textContent = `${ms} ms from the spike's peak`;
    slider.setAttribute("aria-valuetext", told.textContent);
    const inflated = surface.value === "inflated";
    cortex.pts = positions[surface.value];
    cortex.rgba255 = paint(frame);
    cortex.opacity = seeThrough.checked ? 0.35 : 1;
    cortex.updateMesh(viewer.gl);
    // An inflated surface has no inside in which a contact could lie, and half of those of a
    // single hemisphere would hang in the air.
    if (contacts) contacts.visible = contactsShown.checked && !inflated && cortex.tris === faces;
    viewer.drawScene();
    placeNames();
    slices.update({
      level: levelNow,
      contacts: data.contacts && contactsShown.checked ? data.contacts.places : [],
      names: names.checked,
    });
    canvas.dataset.frame = frame;
  };
  type.addEventListener("input", chooseType);
  method.addEventListener("input", chooseMap);
  [type, method, slider, surface, contactsShown, seeThrough, names].forEach(
    (e) => e.addEventListener("input", show));

  // Letters stand where the patient's directions point in this view; none for what points at the eye.
  const axes = [["R", "L"], ["A", "P"], ["S", "I"]];
  const placeLetters = (azimuth, elevation) => {
    const all = [0, 0, canvas.width, canvas.height];
    const [toScreen] = viewer.calculateMvpMatrix(null, all, azimuth, elevation);
    const aspect = canvas.width / canvas.height;
    const ahead = axes.map((_, i) => [toScreen[4 * i] * aspect, -toScreen[4 * i + 1]]);
    const length = Math.sqrt(ahead.flat().reduce((sum, x) => sum + x * x, 0) / 2);
    axes.forEach((pair, i) => pair.forEach((letter, backward) => {
      const span = document.querySelector(`[data-letter=${letter}]`);
      const [x, y] = ahead[i].map((value) => ((backward ? -1 : 1) * value) / length);
      span.hidden = Math.hypot(x, y) < 0.6;
      span.style.left = `${50 + (45 * x) / aspect}%`;
      span.style.top = `${50 + 45 * y}%`;
    }));
  };
  viewer.onAzimuthElevationChange = (azimuth, elevation) => {
    placeLetters(azimuth, elevation);
    placeNames();
  };
  // Azimuth and elevation in degrees; from above and below with the nose up.
  const views = { left: [90, 0], right: [270, 0], front: [180, 0], back: [0, 0], above: [0, 90], below: [180, -90] };
  // A medial view shows one hemisphere from the other's side.
  const medial = { "left medial": [0, views.right], "right medial": [1, views.left] };
  const halfway = region.length / 2;
  const hemispheres = [0, 1].map((side) =>
    faces.filter((_, i) => (faces[i - (i % 3)] >= halfway) === (side === 1)));
  document.querySelectorAll("[data-view]").forEach((button) =>
    button.addEventListener("click", () => {
      const [side, view] = medial[button.dataset.view] ?? [null, views[button.dataset.view]];
      cortex.tris = side === null ? faces : hemispheres[side];
      show();
      viewer.setRenderAzimuthElevation(...view);
    }));
  document.getElementById("slices-maximum").addEventListener("click", goToMaximum);
  document.querySelectorAll("[data-time]").forEach((button) =>
    button.addEventListener("click", () => {
      slider.value = nearest(Number(button.dataset.time));
      show();
    }));
  viewer.setScale(1.2);
  viewer.setRenderAzimuthElevation(...views[data.types[0].side === "L" ? "left" : "right"]);
  show();
  goToMaximum();
  canvas.dataset.ready = "true";
})();
