export async function callWithChat() { throw new Error('unwritten'); }
