// Which version this is. The build puts it in; run from source there is none.

declare const BUILD_VERSION: string | undefined;

export const version = typeof BUILD_VERSION === "string" ? BUILD_VERSION : "development";
