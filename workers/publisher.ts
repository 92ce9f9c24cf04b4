import { runProcess } from '../src/process.ts';

await runProcess('publisher', process.env);
