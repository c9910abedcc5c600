// Runs before the bundle: Fluent would otherwise fetch its fonts from elsewhere.

globalThis.FabricConfig = { fontBaseUrl: '', iconBaseUrl: '' };
