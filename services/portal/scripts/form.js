// Tells once that somebody has begun to answer, and lets a worker do the work that some forms ask for. All works without.
(() => {
  const form = document.querySelector('form[data-begin]');
  if (!form) return;
  const { begin, worker: file } = form.dataset;
  const proof = form.elements.proof;
  const policy = file && window.trustedTypes?.createPolicy('form', { createScriptURL: () => file });
  let begun, ready, sending;
  const solve = (puzzle) =>
    new Promise((done) => {
      const worker = new Worker(policy ? policy.createScriptURL('') : file);
      worker.onmessage = ({ data }) => {
        proof.value = `${puzzle.challenge}:${data}`;
        worker.terminate();
        done();
      };
      worker.onerror = done;
      worker.postMessage(puzzle);
    });
  const tell = async () => {
    const body = new URLSearchParams({ shown: form.elements.shown.value });
    const answer = await fetch(begin, { method: 'POST', body, keepalive: true });
    if (answer.status === 200 && proof && !proof.value) await solve(await answer.json());
  };
  const start = () => (begun ??= tell().catch(() => {}).then(() => (ready = true)));
  form.addEventListener('input', start);
  // Sending waits for the work, but never for long: without it a person looks at the request.
  form.addEventListener('submit', (event) => {
    if (ready || !proof || proof.value) return;
    event.preventDefault();
    if (sending) return;
    sending = true;
    const wait = document.getElementById('wait');
    wait.textContent = wait.dataset.words;
    Promise.race([start(), new Promise((done) => setTimeout(done, 10000))]).then(() => form.submit());
  });
  // Whoever comes back to a form that was sent has used its proof.
  addEventListener('pageshow', (event) => {
    if (!event.persisted) return;
    begun = ready = sending = undefined;
    if (proof) proof.value = document.getElementById('wait').textContent = '';
  });
})();
