/** Where this package was loaded from: a file's URL, or a bundle's. Who keeps results of its rules can tell their age by it. */
export const moduleUrl: string = (import.meta as { readonly url: string }).url;
