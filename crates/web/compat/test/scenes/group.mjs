export async function group() { throw new Error('unwritten'); }
