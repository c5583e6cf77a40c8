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
  if (!rows) return;
  let active = Date.now();
  ['pointermove', 'keydown', 'focus'].forEach((kind) => addEventListener(kind, () => (active = Date.now()), { passive: true }));
  setInterval(() => {
    const inside = rows.contains(document.activeElement) || document.activeElement?.matches('input,select,textarea');
    if (document.visibilityState === 'visible' && !inside && Date.now() - active < 60000) {
      rows.dispatchEvent(new Event('refresh'));
    }
  }, Number(rows.dataset.seconds || 30) * 1000);
})();
