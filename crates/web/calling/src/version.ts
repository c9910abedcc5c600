// Written by hand with the version of package.json; a test holds them together.

export const VERSION = '1.46.0';
