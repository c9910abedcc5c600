export async function directory() { throw new Error('unwritten'); }
