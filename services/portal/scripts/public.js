// Small extras. Every page works without this file.
(() => {
  document.getElementById('err-sum')?.focus();
  document.querySelectorAll('[data-js-only]').forEach((part) => (part.hidden = false));
  document.querySelectorAll('[data-print]').forEach((button) => button.addEventListener('click', () => window.print()));
  // A link in the error summary puts the focus on the first control of its field, and opens what hides it.
  document.querySelectorAll('.err-sum a').forEach((link) =>
    link.addEventListener('click', (event) => {
      const field = document.querySelector(link.getAttribute('href'));
      const control = field?.matches('input,select,textarea') ? field : field?.querySelector('input');
      if (!control) return;
      event.preventDefault();
      control.closest('details')?.setAttribute('open', '');
      control.focus();
    }),
  );
})();
