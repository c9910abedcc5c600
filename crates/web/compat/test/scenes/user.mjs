export async function user() { throw new Error('unwritten'); }
