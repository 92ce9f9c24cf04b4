/** The look of the sandbox's page: one calm sheet, readable on a phone and with fifty Pages. */
export const pageStyle = `
:root { color-scheme: light dark; --ink: #1c1e21; --soft: #65676b; --line: #dddfe2; --sheet: #fff; --ground: #f0f2f5;
  --blue: #1661c4; --amber: #8a5a00; --amber-ground: #fff4dc; --violet: #5b3aa8; --violet-ground: #f0eafe; --grey-ground: #eceef0; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e6eb; --soft: #a3a6ab; --line: #3a3b3c; --sheet: #242526; --ground: #18191a;
  --blue: #7fb2ff; --amber: #f2c56b; --amber-ground: #3a2f17; --violet: #c3aef8; --violet-ground: #2e2545; --grey-ground: #333537; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink); font: 15px/1.45 system-ui, "Segoe UI", Roboto, "Noto Sans", "Noto Color Emoji", sans-serif; }
header { background: var(--sheet); border-bottom: 1px solid var(--line); padding: 1rem 1.5rem; display: flex; flex-wrap: wrap; gap: .25rem 1.5rem; align-items: baseline; }
h1 { font-size: 1.2rem; margin: 0; }
header p { margin: 0; color: var(--soft); }
nav { padding: .75rem 1.5rem 0; display: flex; flex-wrap: wrap; gap: .4rem; max-height: 9.5rem; overflow: auto; }
nav a { border: 1px solid var(--line); background: var(--sheet); border-radius: 999px; padding: .15rem .7rem; font-size: .85rem; color: var(--ink); text-decoration: none; }
nav a:hover, nav a:focus { border-color: var(--blue); }
main { padding: 1rem 1.5rem 4rem; }
section { margin-bottom: 2rem; }
h2 { font-size: 1.05rem; margin: 0 0 .6rem; display: flex; flex-wrap: wrap; gap: .2rem .8rem; align-items: baseline; }
h2 small { color: var(--soft); font-weight: normal; font-size: .82rem; }
.columns { display: grid; gap: 1rem; grid-template-columns: repeat(auto-fit, minmax(min(20rem, 100%), 1fr)); align-items: start; }
h3 { font-size: .82rem; font-weight: 600; color: var(--soft); margin: 0 0 .5rem; }
article { background: var(--sheet); border: 1px solid var(--line); border-radius: 8px; padding: .75rem .9rem; margin-bottom: .7rem; overflow-wrap: anywhere; }
article.scheduled { border-left: 4px solid var(--violet); }
article.draft, article.dark { border-left: 4px solid var(--amber); }
.meta { display: flex; flex-wrap: wrap; justify-content: space-between; gap: .2rem .6rem; color: var(--soft); font-size: .8rem; }
.badge { border-radius: 4px; padding: 0 .4rem; font-weight: 600; background: var(--grey-ground); color: var(--ink); }
.scheduled .badge { background: var(--violet-ground); color: var(--violet); }
.draft .badge, .dark .badge { background: var(--amber-ground); color: var(--amber); }
.text { white-space: pre-wrap; margin: .45rem 0 0; }
.long { max-height: 14rem; overflow: auto; }
.photos { display: grid; grid-template-columns: repeat(auto-fill, minmax(5.5rem, 1fr)); gap: 4px; margin-top: .6rem; }
.photos img { width: 100%; aspect-ratio: 1; object-fit: cover; border-radius: 4px; background: var(--grey-ground); display: block; }
.photos.one { grid-template-columns: 1fr; }
.photos.one img { aspect-ratio: 16 / 10; }
.card { display: block; border: 1px solid var(--line); border-radius: 6px; padding: .45rem .6rem; margin-top: .6rem; color: var(--blue); text-decoration: none; font-size: .88rem; }
.id { font: .74rem/1.4 ui-monospace, monospace; color: var(--soft); margin: .55rem 0 0; }
.id a { color: inherit; }
article:target { outline: 2px solid var(--blue); outline-offset: 2px; }
.single { max-width: 38rem; }
.none { color: var(--soft); font-size: .88rem; margin: 0; }
.empty { max-width: 42rem; }
pre { background: var(--sheet); border: 1px solid var(--line); border-radius: 6px; padding: .8rem; overflow: auto; }
`;
