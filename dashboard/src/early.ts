// What runs before the first paint, within index.html: a few words, so that what is painted is what stays. Nothing here waits for another
// process of the browser: to look into what it keeps for the page took 20 ms, so the theme that somebody chose comes later. The page itself
// takes longer still; it is not even asked for before the first frame.

import { isOfApp, ofAll, pageOf, parse, PAGES } from './where';

const route = parse(location.hash);
const top = document.querySelector('.top')!;
const nav = top.querySelector('nav')!;
const apps = top.querySelector('.apps')!;
if (!ofAll) apps.remove();
else if (!isOfApp(route) && route.segments[0] !== 'file') apps.setAttribute('aria-current', 'page');
if (isOfApp(route)) nav.children[PAGES.findIndex(([page]) => page === pageOf(route))]?.setAttribute('aria-current', 'page');
else nav.remove();

declare const APP: string; // where build.mjs puts main.tsx
const begin = (): void => void import(APP);
// What nobody sees is not painted.
if (document.hidden) begin();
else requestAnimationFrame(() => setTimeout(begin));
