/** One line of a checklist, as the guide writes it, with the steps of the plan whose outcome ticks it. */
export interface SeedItem {
  text: string;
  /** All of those that the plan has must be done. */
  steps: string[];
  /** The gate whose reading is shown as evidence, where a step has several. */
  gate?: string;
}

export interface SeedChecklist {
  id: string;
  title: string;
  /** Where in the guide. */
  phase: string;
  items: SeedItem[];
}

const item = (text: string, steps: string | string[], gate?: string): SeedItem => ({
  text,
  steps: typeof steps === "string" ? [steps] : steps,
  ...(gate === undefined ? {} : { gate }),
});

/** The preparation of DNS stands in the database phase, or in the traffic phase of an application without a database. */
const LOWER_TTL = ["database.lower-ttl", "traffic.lower-ttl"];

/** The guide's checklists, in its own words. Nobody ticks a line by hand: the steps do. */
export const SEED_CHECKLISTS: SeedChecklist[] = [
  {
    id: "pre-migration",
    title: "Pre-Migration (1 week before)",
    phase: "Phase 3: Database Migration",
    items: [
      item("Create read replica in new VPC", "database.create-replica", "replica-available"),
      item("Monitor replication lag (should be < 10 seconds)", "database.create-replica", "replica-lag"),
      item("Test application with replica endpoint", "database.test-replica"),
      item("Reduce DNS TTL to 60 seconds", LOWER_TTL, "dns-ttl"),
      item("Schedule maintenance window (communicate to users)", "database.schedule"),
    ],
  },
  {
    id: "during-window",
    title: "During Migration Window",
    phase: "Phase 3: Database Migration",
    items: [
      item("Enable maintenance mode on application", "database.maintenance-on"),
      item("Stop all write traffic to old database", "database.stop-writes"),
      item("Wait for replication lag to reach 0", "database.lag-zero", "lag-zero"),
      item("Promote read replica to standalone instance", "database.promote", "database-primary"),
      item("Update connection strings in Kubernetes secrets", ["database.repoint", "database.repoint-old-fleet"]),
      item("Deploy updated configuration", "database.repoint", "pods-ready"),
      item("Verify application can read/write to new database", "database.verify-read-write"),
      item("Run smoke tests", "database.smoke"),
      item("Disable maintenance mode", ["database.accept-writes", "database.maintenance-off"]),
    ],
  },
  {
    id: "post-migration",
    title: "Post-Migration",
    phase: "Phase 3: Database Migration",
    items: [
      item("Monitor error rates and latency", "database.monitor", "old-error-rate"),
      item("Keep old database available for 1 week (read-only)", "cleanup.soak", "writes-stopped"),
      item("Update backup policies for new database", "database.backup", "backup-retention"),
      item("Decommission old database after verification period", ["cleanup.final-snapshot", "cleanup.delete-database"]),
    ],
  },
  {
    id: "staging-first",
    title: "Deploy to Staging Environment First",
    phase: "Phase 4: Staged Rollout",
    items: [
      item("Deploy to staging", "rollout.staging-verified", "staging-verified"),
      item("Run smoke tests", "rollout.smoke"),
      item("Run full test suite", "rollout.integration"),
    ],
  },
  {
    id: "blue-green",
    title: "Blue-Green Deployment Strategy",
    phase: "Phase 4: Staged Rollout",
    items: [
      item("Deploy green environment (new version)", "rollout.green-deploy", "green-ready"),
      item("Verify green is healthy", ["rollout.green-deploy", "rollout.green-logs"]),
      item("Route small percentage of traffic to green", "rollout.green-5", "green-weight"),
      item("Monitor metrics for green deployment", "rollout.green-10", "error-rate"),
      item("Gradually increase traffic: 10%, 25%, 50%, 75%, 100%", [
        "rollout.green-10",
        "rollout.green-25",
        "rollout.green-50",
        "rollout.green-75",
        "rollout.green-100",
      ]),
      item("Once green is fully validated, remove blue", "rollout.remove-blue"),
    ],
  },
  {
    id: "canary",
    title: "Canary Deployment with Argo Rollouts",
    phase: "Phase 4: Staged Rollout",
    items: [
      item("Install Argo Rollouts", "rollout.argo-install"),
      item("Create Rollout manifest", "rollout.canary-beside", "rollout-healthy"),
      item("Deploy and monitor", "rollout.canary", "rollout-healthy"),
    ],
  },
  {
    id: "dns",
    title: "DNS Migration Strategy",
    phase: "Phase 5: Traffic Cutover",
    items: [
      item("Verify new load balancer is ready", "traffic.load-balancer", "load-balancer-ready"),
      item("Test new endpoint", "traffic.probe"),
      item("Create weighted record for old infrastructure", ["database.adopt-record", "traffic.adopt-record"]),
      item("Create weighted record for new infrastructure (10% weight)", ["traffic.new-record", "traffic.dns-10"], "dns-weight"),
      item("Monitor traffic shift", "traffic.dns-10", "traffic-share"),
      item("Gradually increase new-infra weight: 25%, 50%, 75%, 100%", [
        "traffic.dns-25",
        "traffic.dns-50",
        "traffic.dns-75",
        "traffic.dns-100",
      ]),
      item("Monitor DNS propagation", "traffic.dns-100", "dns-resolvers"),
      item("Then delete old-infra record", "cleanup.remove-old-record"),
    ],
  },
  {
    id: "optimize",
    title: "Monitoring & Optimization",
    phase: "Phase 6: Monitoring & Optimization",
    items: [
      item("Set Up Alerts for New Infrastructure", "optimize.alerts"),
      item("Horizontal Pod Autoscaler", "optimize.hpa", "hpa-active"),
      item("Vertical Pod Autoscaler (install first)", ["optimize.vpa-install", "optimize.vpa"]),
      item("Review resource usage", "optimize.usage"),
      item("Use Spot instances for non-critical workloads", "optimize.spot"),
      item("Review AWS Cost Explorer for EKS costs", "optimize.cost"),
    ],
  },
  {
    id: "cleanup",
    title: "Post-Migration Cleanup (Week 10+)",
    phase: "Post-Migration Cleanup",
    items: [
      item("Decommission old infrastructure after 2 weeks of successful operation", "cleanup.soak"),
      item("Terminate EC2 instances", "cleanup.terminate-instances"),
      item("Delete old load balancers", "cleanup.delete-load-balancer"),
      item("Delete old RDS instances (after final backup)", ["cleanup.snapshot-available", "cleanup.delete-database"]),
      item("Remove old security groups", ["cleanup.security-groups-unused", "cleanup.delete-security-groups"]),
      item("Update documentation with new architecture", "cleanup.documents"),
      item("Close migration project in project management tool", "cleanup.close"),
    ],
  },
];
