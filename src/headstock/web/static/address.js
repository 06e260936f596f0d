// What of a page stands in its address, so that a link, or a reload, shows the same.
export const told = (what) => new URLSearchParams(location.search).get(what);

// What is null or empty is left out.
export function keep(what) {
  const address = new URL(location.href);
  for (const [name, value] of Object.entries(what)) {
    if (value) address.searchParams.set(name, value);
    else address.searchParams.delete(name);
  }
  history.replaceState(null, "", address);
}
