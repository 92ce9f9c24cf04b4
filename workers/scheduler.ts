import { runProcess } from '../src/process.ts';

await runProcess('scheduler', process.env);
