// Sends files part by part, and goes on where a cut line had got to. Without this file the form sends them whole.
(() => {
  const form = document.querySelector('form[data-uploads]');
  if (!form || !window.fetch) return;
  const part = 1 << 20;
  const patience = 10;
  const rest = (tries) => new Promise((go) => setTimeout(go, Math.min(500 * 2 ** tries, 15000)));
  // What was not answered, or by a server that is away, is asked again; anything else is an answer.
  const ask = async (url, init) => {
    for (let tries = 0; ; tries += 1) {
      const answer = await fetch(url, init).catch(() => null);
      if (answer && answer.status < 500) return answer;
      if (tries >= patience) throw new Error('cut');
      await rest(tries);
    }
  };
  const fault = (answer) => {
    const word = answer.headers.get('upload-fault');
    if (!word) throw new Error('cut');
    return word;
  };
  const send = async (file, record, tell) => {
    const headers = {
      'upload-name': encodeURIComponent(file.name),
      'upload-record': encodeURIComponent(record),
      'upload-length': file.size,
    };
    const begun = await ask(form.dataset.uploads, { method: 'POST', headers });
    if (!begun.ok) return fault(begun);
    const url = begun.headers.get('location');
    for (let at = 0, tries = 0; at < file.size; ) {
      const headers = { 'upload-offset': at, 'content-type': 'application/offset+octet-stream' };
      const body = file.slice(at, at + part);
      const kept = await fetch(url, { method: 'PATCH', headers, body }).catch(() => null);
      if (kept?.ok) {
        at = Number(kept.headers.get('upload-offset'));
        tries = 0;
        tell(at);
        continue;
      }
      if (kept && kept.status < 500 && kept.status !== 409) return fault(kept);
      if ((tries += 1) > patience) throw new Error('cut');
      await rest(tries);
      const reached = await ask(url, { method: 'HEAD' });
      if (!reached.ok) return fault(reached);
      at = Number(reached.headers.get('upload-offset'));
    }
    const done = await ask(`${url}/finish`, { method: 'POST' });
    return done.ok ? '' : fault(done);
  };
  form.addEventListener('submit', async (event) => {
    const files = [...form.querySelectorAll('input[type=file]')].flatMap((input) => [...input.files]);
    if (files.length === 0) return;
    event.preventDefault();
    const [bar, said, button] = ['progress', '[data-sending]', 'button'].map((part) => form.querySelector(part));
    [bar.hidden, said.hidden, button.disabled] = [false, false, true];
    const all = files.reduce((sum, file) => sum + file.size, 0) || 1;
    let [before, kept] = [0, 0];
    const lost = [];
    for (const file of files) {
      try {
        const word = await send(file, form.elements.record.value, (at) => (bar.value = (100 * (before + at)) / all));
        if (word) lost.push([word, file]);
        else kept += 1;
      } catch {
        lost.push(['cut', file]);
      }
      before += file.size;
    }
    // The page names those that did not come; a name stands in no address.
    const told = document.createElement('form');
    [told.method, told.enctype, told.action] = ['post', form.enctype, form.action];
    const add = (name, value) => told.append(Object.assign(document.createElement('input'), { type: 'hidden', name, value }));
    add('kept', kept);
    for (const [word, file] of lost) add('lost', `${word} ${file.size} ${file.name}`);
    document.body.append(told);
    told.submit();
  });
})();
