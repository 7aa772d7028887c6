/* The board: what both pages show, whoever brought it. */

const seen = {};

/* side: the id of a section; board: what the application answered. */
export function show(side, { since, trains }) {
  document
    .querySelector(`#${side} tbody`)
    .replaceChildren(...trains.map(({ to, minutes }) => row(to, minutes)));
  const drawn = document.getElementById(`${side}-drawn`);
  drawn.textContent = Number(drawn.textContent) + 1;
  age(side, since);
}

function row(...texts) {
  const tr = document.createElement('tr');
  tr.append(
    ...texts.map((text) => {
      const td = document.createElement('td');
      td.textContent = text;
      return td;
    }),
  );
  return tr;
}

/* How old a change was when it was first seen here; not so of the first one,
 * which was there before the page was. */
function age(side, since) {
  if (seen[side] && seen[side] !== since) {
    const seconds = Math.max(0, Date.now() - since) / 1000;
    document.getElementById(`${side}-age`).textContent =
      `${seconds.toFixed(1)} s`;
  }
  seen[side] = since;
}
