// Which Pulumi CLI fits the SDK: the SDK's own version or a newer one of the same major, as the Automation API asks for.

/** "v3.259.0" and "3.259.0-alpha.1" as numbers and pre-release; undefined when it is no version. */
export function parseVersion(text) {
  const match = /^v?(\d+)\.(\d+)\.(\d+)(?:-([0-9A-Za-z.-]+))?(?:\+\S*)?$/.exec(text.trim());
  if (match === null) return undefined;
  return { numbers: match.slice(1, 4).map(Number), preRelease: match[4] };
}

/** Negative when a is older than b. A pre-release is older than its release; two of one release count as equal. */
export function compareVersions(a, b) {
  for (let i = 0; i < 3; i += 1) {
    if (a.numbers[i] !== b.numbers[i]) return a.numbers[i] - b.numbers[i];
  }
  return Number(a.preRelease === undefined) - Number(b.preRelease === undefined);
}

/** Why the CLI that answered `cli` to `pulumi version` cannot serve this SDK; undefined when it can. */
export function whyNot(cli, sdk) {
  const have = parseVersion(cli);
  const need = parseVersion(sdk);
  if (have === undefined) return `its version "${cli.trim().slice(0, 40)}" cannot be read`;
  if (have.numbers[0] !== need.numbers[0]) return `it is ${cli.trim()} and the SDK needs major version ${need.numbers[0]}`;
  if (compareVersions(have, need) < 0) return `it is ${cli.trim()} and the SDK needs ${sdk} or newer`;
  return undefined;
}
