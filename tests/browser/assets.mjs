// Copies the font and htmx, each with its licence, into the folder that the portal reads (ASSETS_DIR).
// Usage: node assets.mjs [folder]; the folder is /assets of the repository unless it is given.
import { copyFileSync, mkdirSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const folder = resolve(process.argv[2] ?? join(here, '../../assets'));
const font = '@fontsource-variable/atkinson-hyperlegible-next';
const files = {
  'font.woff2': `${font}/files/atkinson-hyperlegible-next-latin-wght-normal.woff2`,
  'font.LICENSE': `${font}/LICENSE`,
  'htmx.js': 'htmx.org/dist/htmx.min.js',
  'htmx.LICENSE': 'htmx.org/LICENSE',
};
mkdirSync(folder, { recursive: true });
for (const [name, source] of Object.entries(files)) {
  copyFileSync(join(here, 'node_modules', source), join(folder, name));
}
console.log(`assets are in ${folder}`);
