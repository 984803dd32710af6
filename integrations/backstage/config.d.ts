/** What the plugin reads of app-config.yaml. */
export interface Config {
  cutover: {
    /**
     * Where the cutover service is, as browsers reach it, for example https://cutover.example.com. It must name
     * Backstage's origin in `cors` of its access.yaml.
     * @visibility frontend
     */
    baseUrl: string;
  };
}
