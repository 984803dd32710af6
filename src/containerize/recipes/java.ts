import {
  ALPINE_USER,
  type ContainerFiles,
  found,
  healthCheck,
  ignore,
  lines,
  NOT_READ,
  type RecipeInput,
  refused,
  wgetCheck,
} from "../recipe.js";
import { has } from "../sources.js";

/** Long-term releases with security updates in 2026. Source: adoptium.net's support page. */
const RELEASES = [8, 11, 17, 21, 25];
const USUAL = 21;

/** What makes one, by itself or through a parent; an assembly only where it is bound to the build. */
const RUNNABLE =
  /spring-boot|quarkus|micronaut|helidon|dropwizard|maven-shade-plugin|onejar|capsule|maven-assembly-plugin[\s\S]*<phase>\s*package/;

/** A Java service: a JAR that holds its server, or a WAR in Tomcat, by Maven or Gradle. */
export function java(input: RecipeInput): ContainerFiles {
  const { sources, port, healthPath } = input;
  const findings: string[] = [];
  const pom = sources?.text("pom.xml");
  const gradle = sources?.text("build.gradle.kts") ?? sources?.text("build.gradle");
  if (sources !== undefined && pom === undefined && gradle === undefined)
    return refused("There is neither a pom.xml nor a build.gradle at the root of its sources.");
  if (sources === undefined) findings.push(NOT_READ);
  const stated = found(
    [pom, gradle, input.technology.version],
    /<(?:java\.version|maven\.compiler\.release|release)>\s*(?:1\.)?(\d+)/,
    /<maven\.compiler\.(?:source|target)>\s*(?:1\.)?(\d+)/,
    // Of the compiler's own plugin.
    /<(?:source|target)>\s*(?:1\.)?(\d+)\s*</,
    /JavaLanguageVersion\.of\((\d+)\)/,
    /(?:source|target)Compatibility\s*=\s*(?:JavaVersion\.VERSION_)?["']?(?:1[._])?(\d+)/,
    /^(?:1\.)?(\d+)/,
  );
  const wanted = stated === undefined ? USUAL : Number(stated);
  if (stated === undefined) findings.push(`Nothing says which Java it needs; the image uses ${USUAL}.`);
  // A newer long-term release runs what was compiled for an older one.
  const release = RELEASES.find((r) => r >= wanted) ?? wanted;
  const usesGradle = pom === undefined && gradle !== undefined;
  const isWar = usesGradle
    ? /["'`]war["'`]|\bwar\b\s*$/m.test(gradle) && !/bootWar|spring-boot|org\.springframework\.boot/.test(gradle)
    : /<packaging>\s*war\s*</.test(pom ?? "");
  const build = usesGradle
    ? gradleBuild(release, gradle, isWar, sources !== undefined && has(sources, "gradlew"))
    : mavenBuild(release, isWar);
  const dockerfile = lines(
    "# Compiled apart: the image holds neither the compiler nor the sources",
    `FROM ${build.image} AS builder`,
    "WORKDIR /app",
    "COPY . .",
    `RUN ${build.command}`,
    "",
    "FROM builder AS test",
    `CMD ${JSON.stringify(build.test)}`,
    "",
    ...(isWar ? inTomcat(release, input) : runnable(release, input)),
  );
  if (isWar)
    findings.push(
      `The WAR runs in Tomcat 10.1, which has the packages jakarta.*: one that uses javax.* is migrated first, or needs Tomcat 9.`,
    );
  if (pom !== undefined && !isWar && !RUNNABLE.test(pom) && /<dependency>/.test(pom))
    findings.push(
      "Nothing in pom.xml makes a JAR that runs by itself (spring-boot-maven-plugin, maven-shade-plugin, or maven-assembly-plugin in the phase package): java -jar finds neither its main class nor its dependencies.",
    );
  if (port !== 8080 && !isWar && !/spring/.test(`${pom ?? ""}${gradle ?? ""}`))
    findings.push(`It must listen on ${port} (the variable PORT), and answer ${healthPath}.`);
  return { files: { Dockerfile: dockerfile, ".dockerignore": ignore(["target", "build", ".gradle"]) }, findings, testStage: "test" };
}

interface Build {
  image: string;
  command: string;
  test: string[];
}

/** One archive is left: not the sources', and the largest of the others, which has its dependencies in it. */
const kept = (folder: string, ending: string): string =>
  `find ${folder} -maxdepth 1 -name '*.${ending}' ${["*-sources.*", "*-javadoc.*", "*-plain.*", "original-*"].map((name) => `! -name '${name}'`).join(" ")} -exec ls -S {} + > /archives && read -r archive < /archives && cp "$archive" /app.archive`;

const mavenBuild = (release: number, isWar: boolean): Build => ({
  image: `maven:3.9-eclipse-temurin-${release}`,
  command: `mvn -B -q package -DskipTests && ${kept("target", isWar ? "war" : "jar")}`,
  test: ["mvn", "-B", "test"],
});

function gradleBuild(release: number, gradle: string, isWar: boolean, hasWrapper: boolean): Build {
  const tool = hasWrapper ? "./gradlew" : "gradle";
  const task = isWar ? "war" : /springframework\.boot/.test(gradle) ? "bootJar" : /shadow/.test(gradle) ? "shadowJar" : "jar";
  return {
    image: `gradle:8-jdk${release}`,
    command: `${tool} --no-daemon ${task} && ${kept("build/libs", isWar ? "war" : "jar")}`,
    test: [tool, "--no-daemon", "test"],
  };
}

const runnable = (release: number, input: RecipeInput): string[] => [
  `FROM eclipse-temurin:${release}-jre-alpine`,
  ALPINE_USER,
  "WORKDIR /app",
  "COPY --from=builder --chown=1001:1001 /app.archive ./app.jar",
  // What the JVM takes of the container's memory; its own default is a quarter.
  `ENV PORT=${input.port} SERVER_PORT=${input.port} JAVA_TOOL_OPTIONS="-XX:MaxRAMPercentage=75"`,
  "USER 1001",
  `EXPOSE ${input.port}`,
  wgetCheck(input),
  'CMD ["java", "-jar", "app.jar"]',
];

function inTomcat(release: number, { port, healthPath }: RecipeInput): string[] {
  const ask = `exec 3<>/dev/tcp/localhost/${port} && printf 'GET ${healthPath} HTTP/1.0\\r\\n\\r\\n' >&3 && head -n 1 <&3 | grep -q ' 200'`;
  return [
    `FROM tomcat:10.1-jre${Math.max(release, 11)}-temurin`,
    "RUN groupadd -g 1001 app && useradd -u 1001 -g 1001 -M app \\",
    `  && sed -i 's/port="8080"/port="${port}"/; s/port="8005"/port="-1"/' conf/server.xml \\`,
    "  && chown -R 1001:1001 conf logs temp work webapps",
    "COPY --from=builder --chown=1001:1001 /app.archive webapps/ROOT.war",
    "USER 1001",
    `EXPOSE ${port}`,
    // The image has neither curl nor wget.
    healthCheck(["bash", "-c", ask]),
    'CMD ["catalina.sh", "run"]',
  ];
}
