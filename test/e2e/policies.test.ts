import * as aws from "@pulumi/aws";
import { LocalWorkspace } from "@pulumi/pulumi/automation/index.js";
import { expect } from "chai";
import { enforcePolicies } from "../../src/policies/enforce.js";
import { inSandbox } from "../support/sandbox.js";
import { tempFolder } from "../support/tmp.js";

describe("the policies on the real engine", function () {
  this.timeout(120_000);

  it("fail the preview with the policy's name and what is accepted, and nothing is registered", function () {
    return inSandbox(this, "policies", async ({ env }) => {
      const program = async () => {
        enforcePolicies([]);
        new aws.ec2.SecurityGroup("open", { ingress: [{ protocol: "-1", fromPort: 0, toPort: 0, cidrBlocks: ["0.0.0.0/0"] }] });
      };
      const stack = await LocalWorkspace.createStack(
        { stackName: "web-api-staging", projectName: "policies", program },
        { workDir: tempFolder("policies-project"), envVars: env },
      );
      const registered: string[] = [];
      const message = await stack.preview({ onEvent: (e) => void registered.push(e.resourcePreEvent?.metadata.type ?? "") }).then(
        () => "was accepted",
        (error: Error) => error.message,
      );
      expect(message).to.contain(
        'policy least-privilege-security-groups: open (aws:ec2/securityGroup:SecurityGroup) ingress[0].cidrBlocks: got "0.0.0.0/0"; accepted: security groups, or networks of your own',
      );
      expect(message).to.contain("Mend it, or waive the policy by name with a reason under cutover:policies.");
      expect(message, "a stack trace").to.not.match(/\n\s+at .*\(/);
      expect(registered).to.not.include("aws:ec2/securityGroup:SecurityGroup");
    });
  });
});
