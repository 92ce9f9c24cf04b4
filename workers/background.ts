import { runProcess } from '../src/process.ts';

await runProcess('background', process.env);
