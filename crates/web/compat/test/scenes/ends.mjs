export async function ends() { throw new Error('unwritten'); }
