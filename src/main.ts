import { runProcess } from './process.ts';

await runProcess('all', process.env);
