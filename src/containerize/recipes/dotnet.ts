import { ALPINE_USER, type ContainerFiles, found, ignore, lines, NOT_READ, type RecipeInput, refused, wgetCheck } from "../recipe.js";

/** Oldest .NET with security updates, since November 2026. Source: dotnet.microsoft.com's support policy. */
const OLDEST = 10;

/** An ASP.NET Core service. */
export function dotnet(input: RecipeInput): ContainerFiles {
  const { sources, port } = input;
  const findings: string[] = [];
  const projects = (sources?.files ?? []).filter((file) => file.endsWith(".csproj"));
  if (sources !== undefined && projects.length === 0) return refused("There is no .csproj among its sources.");
  if (sources === undefined) findings.push(NOT_READ);
  const text = (file: string): string => sources?.text(file) ?? "";
  const web = projects.filter((file) => /Sdk="Microsoft\.NET\.Sdk\.Web"/.test(text(file)));
  const project = web[0] ?? projects.find((file) => /<OutputType>\s*Exe/.test(text(file))) ?? projects[0] ?? "app.csproj";
  if (web.length > 1) findings.push(`It has several web projects (${web.join(", ")}); the image runs ${project}.`);
  const framework = found([text(project)], /<TargetFrameworks?>\s*([^<;\s]+)/);
  if (framework !== undefined && /^net\d{2,3}$/.test(framework))
    return refused(
      `${project} is for .NET Framework (${framework}), which runs on Windows only: move it to .NET first, or take an image for Windows nodes.`,
    );
  const release = found([framework, input.technology.version], /^net(?:coreapp)?(\d+\.\d+)/, /^(\d+)/);
  const version = release === undefined ? `${OLDEST}.0` : release.includes(".") ? release : `${release}.0`;
  if (release === undefined) findings.push(`Nothing says which .NET it needs; the image uses ${version}.`);
  else if (Number.parseFloat(version) < OLDEST) findings.push(`.NET ${version} gets no security updates; the image has it as it is.`);
  const tests = projects.filter((file) => /Microsoft\.NET\.Test\.Sdk/.test(text(file)));
  const name = found([text(project)], /<AssemblyName>\s*([^<\s]+)/) ?? (project.split("/").at(-1) as string).replace(/\.csproj$/, "");
  const dockerfile = lines(
    "# Compiled apart: the image holds the runtime and what was published",
    `FROM mcr.microsoft.com/dotnet/sdk:${version} AS builder`,
    "WORKDIR /src",
    "COPY . .",
    `RUN dotnet publish ${JSON.stringify(project)} -c Release -o /out`,
    ...(tests.length === 0 ? [] : ["", "FROM builder AS test", `CMD ["dotnet", "test", ${JSON.stringify(tests[0])}]`]),
    "",
    `FROM mcr.microsoft.com/dotnet/aspnet:${version}-alpine`,
    ALPINE_USER,
    "WORKDIR /app",
    "COPY --from=builder --chown=1001:1001 /out ./",
    `ENV ASPNETCORE_HTTP_PORTS=${port} ASPNETCORE_URLS=http://+:${port} DOTNET_EnableDiagnostics=0`,
    "USER 1001",
    `EXPOSE ${port}`,
    wgetCheck(input),
    `CMD ["dotnet", ${JSON.stringify(`${name}.dll`)}]`,
  );
  const files = { Dockerfile: dockerfile, ".dockerignore": ignore(["**/bin", "**/obj"]) };
  return { files, findings, ...(tests.length === 0 ? {} : { testStage: "test" }) };
}
