import { runSeed } from "./world.ts"; import { mutants } from "./mutants.ts";
for (const mutant of mutants) { if(process.argv[2] && !mutant.name.includes(process.argv[2])) continue; const found=new Map<string,number[]>(); const t=performance.now();
 for (let s=1;s<=40;s++){ const r=await runSeed(s,{mutant}); if(r.violation) found.set(r.violation.promise,[...(found.get(r.violation.promise)??[]),s]); }
 console.log(mutant.name,'|',[...found].map(([k,v])=>`${k}x${v.length}@${v[0]}`).join(' '), Math.round(performance.now()-t)); }
