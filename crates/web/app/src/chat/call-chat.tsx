export default function P(_: { threadId: string }) { return null; }
