import { runProcess } from '../src/process.ts';

await runProcess('api', process.env);
