const CREDENTIAL_NAME = /(PASSWORD|PASSWD|SECRET|TOKEN|API_?KEY|PRIVATE_?KEY|CREDENTIAL)/i;
const CREDENTIAL_URL = /:\/\/[^/\s:@]+:[^/\s@]+@/;

/** Whether a plain value looks like a credential that belongs in a secret. */
export function looksSecret(key: string, value: string): boolean {
  // A switch that speaks of secrets is none: kubernetes:enableSecretMutable.
  if (/^(true|false)$/i.test(value)) return false;
  return (
    CREDENTIAL_URL.test(value) ||
    (CREDENTIAL_NAME.test(key) && value !== "") ||
    /-----BEGIN [A-Z ]*PRIVATE KEY-----|^AKIA[0-9A-Z]{16}$/.test(value)
  );
}
