// Small extras of the staff pages. Every page works without this file.
(() => {
  document.getElementById('err-sum')?.focus();
  // On a narrow screen the filters start closed.
  if (matchMedia('(max-width:56rem)').matches) document.querySelectorAll('.flt').forEach((part) => (part.open = false));
  // The note's draft is kept a second after the last key. Once the note itself is on its way, a draft that came after it would
  // stand there as if it were not saved.
  document.querySelectorAll('form[data-hx-trigger^=input]').forEach((form) => {
    let sent = false;
    form.addEventListener('submit', () => (sent = true));
    form.addEventListener('htmx:config:request', (event) => sent && event.preventDefault());
    addEventListener('pageshow', () => (sent = false));
  });
  // The worklist refreshes in place, but only while the tab is seen, somebody was active in the last minute, and
  // nobody is inside the list or typing: a target must not move under a finger. htmx listens for the event.
  const rows = document.getElementById('rows');
  if (!rows?.dataset.hxGet) return;
  const [came, paused] = ['came', 'paused'].map((id) => document.getElementById(id));
  const shown = () => new Set([...rows.querySelectorAll('tr[id]')].map((row) => row.id));
  let active = Date.now();
  let known;
  ['pointermove', 'keydown', 'focus'].forEach((kind) => addEventListener(kind, () => (active = Date.now()), { passive: true }));
  const refresh = () => rows.dispatchEvent(new Event('refresh'));
  rows.addEventListener('htmx:before:swap', () => (known = shown()));
  rows.addEventListener('htmx:after:swap', () => {
    const fresh = [...shown()].filter((id) => !known.has(id)).length;
    if (came) came.textContent = fresh > 0 ? `${fresh} new` : '';
    if (paused) paused.hidden = true;
  });
  // It stays until the list is fresh: who moves to the button is active already.
  paused?.querySelector('button').addEventListener('click', () => {
    document.querySelector('#views a')?.focus();
    refresh();
  });
  setInterval(() => {
    const inside = rows.contains(document.activeElement) || document.activeElement?.matches('input,select,textarea');
    const idle = Date.now() - active >= 60000;
    if (idle && paused) paused.hidden = false;
    if (!idle && document.visibilityState === 'visible' && !inside && !paused?.contains(document.activeElement)) refresh();
  }, Number(rows.dataset.seconds || 30) * 1000);
})();
