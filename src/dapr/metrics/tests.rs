use super::*;

fn subscription(pubsub: &str, topic: &str) -> SubscriptionIdentity {
    SubscriptionIdentity { pubsub: pubsub.to_owned(), topic: topic.to_owned() }
}

/// Each of them had five messages published, which the app dropped; one value set, one read, one deleted, and one refused for
/// its etag.
#[test]
fn the_answers_of_real_sidecars_are_read() {
    for text in [include_str!("daprd-1.14.4.txt"), include_str!("daprd-1.16.0.txt"), include_str!("daprd-1.18.2.txt")] {
        let read = SidecarMetrics::read(text, &[]);
        let topic = TopicMetrics {
            pubsub: "pubsub".into(),
            topic: "orders".into(),
            published: 5,
            dropped: 5,
            ..Default::default()
        };
        assert_eq!(read.topics, [topic]);
        let state: Vec<_> =
            read.state.iter().map(|one| (one.store.as_str(), one.operation.as_str(), one.calls, one.failed)).collect();
        assert_eq!(state, [("statestore", "delete", 1, 0), ("statestore", "get", 1, 0), ("statestore", "set", 2, 1)]);
        assert_eq!(read.jobs, JobMetrics::default());
        // Whole milliseconds before 1.18: these calls took less than one, and are in no histogram.
        let has_histogram = text.contains("dapr_component_state_latencies");
        assert!(read.state.iter().all(|one| one.p50_ms.is_some_and(|time| time < 1.0) == has_histogram), "{read:?}");
    }
}

#[test]
fn failures_jobs_and_bulks_count_too() {
    let text = "\
dapr_component_pubsub_egress_count{component=\"bus\",success=\"true\",topic=\"a\"} 7
dapr_component_pubsub_egress_count{component=\"bus\",success=\"false\",topic=\"a\"} 2
dapr_component_pubsub_egress_bulk_count{component=\"bus\",success=\"true\",topic=\"a\"} 3
dapr_component_pubsub_egress_bulk_count{component=\"bus\",success=\"false\",topic=\"a\"} 1
dapr_component_pubsub_egress_bulk_event_count{component=\"bus\",success=\"true\",topic=\"a\"} 30
dapr_component_pubsub_ingress_count{component=\"bus\",process_status=\"success\",status=\"success\",topic=\"a\"} 5
dapr_component_pubsub_ingress_count{component=\"bus\",process_status=\"retry\",status=\"retry\",topic=\"a\"} 4
dapr_component_pubsub_ingress_count{component=\"bus\",process_status=\"drop\",status=\"drop\",topic=\"a\"} 1
dapr_component_pubsub_ingress_count{component=\"bus\",process_status=\"drop\",status=\"success\",topic=\"a\"} 1
dapr_component_pubsub_ingress_bulk_event_count{component=\"pubsubName\",process_status=\"SUCCESS\",topic=\"a\"} 20
dapr_component_pubsub_ingress_bulk_event_count{component=\"pubsubName\",process_status=\"RETRY\",topic=\"b\"} 6
dapr_component_job_success_count{operation=\"job_trigger_op\"} 200
dapr_component_job_failure_count{operation=\"job_trigger_op\"} 3
dapr_component_pubsub_ingress_count{component=\"bus\",process_status=\"new\",topic=\"c\"} 1
";
    let read =
        SidecarMetrics::read(text, &[subscription("bus", "a"), subscription("bus", "b"), subscription("other", "b")]);
    let a = read.topic("bus", "a");
    assert_eq!((a.published, a.publish_failed), (37, 3));
    assert_eq!((a.delivered, a.retried, a.dropped), (25, 4, 2));
    // Two components have a subscription to it: nobody knows whose they were.
    assert_eq!(read.topic("pubsubName", "b").retried, 6);
    assert_eq!(read.topic("bus", "b"), TopicMetrics { pubsub: "bus".into(), topic: "b".into(), ..Default::default() });
    assert_eq!(read.topics.len(), 2);
    assert_eq!(read.jobs, JobMetrics { succeeded: 200, failed: 3 });
}

#[test]
fn quantiles_are_those_of_prometheus() {
    let buckets = [(1.0, 10), (2.0, 40), (5.0, 90), (10.0, 98), (f64::INFINITY, 100)];
    let near = |share: f64, wanted: f64| {
        let found = quantile(&buckets, share).expect("there are calls");
        assert!((found - wanted).abs() < 1e-9, "{share}: {found}");
    };
    near(0.05, 0.5);
    near(0.5, 2.0 + 3.0 * 10.0 / 50.0);
    near(0.95, 5.0 + 5.0 * 5.0 / 8.0);
    near(1.0, 10.0);
    assert_eq!(quantile(&[], 0.5), None);
    assert_eq!(quantile(&[(1.0, 0), (f64::INFINITY, 0)], 0.5), None);
}

#[test]
fn calls_that_the_histogram_lacks_are_the_fastest() {
    let state = |calls: u64| {
        let text = format!(
            "dapr_component_state_count{{component=\"s\",operation=\"get\",success=\"true\"}} {calls}\n\
             dapr_component_state_latencies_bucket{{component=\"s\",operation=\"get\",success=\"true\",le=\"1\"}} 0\n\
             dapr_component_state_latencies_bucket{{component=\"s\",operation=\"get\",success=\"true\",le=\"10\"}} 8\n\
             dapr_component_state_latencies_bucket{{component=\"s\",operation=\"get\",success=\"false\",le=\"10\"}} 2\n\
             dapr_component_state_latencies_bucket{{component=\"s\",operation=\"get\",success=\"true\",le=\"+Inf\"}} 8\n\
             dapr_component_state_latencies_bucket{{component=\"s\",operation=\"get\",success=\"false\",le=\"+Inf\"}} 2\n"
        );
        SidecarMetrics::read(&text, &[]).state.remove(0)
    };
    assert_eq!(state(10).p50_ms, Some(1.0 + 9.0 * 5.0 / 10.0));
    assert!(state(100).p50_ms.is_some_and(|time| time < 1.0));
    assert!(state(100).p95_ms.is_some_and(|time| time > 1.0));
    assert_eq!(state(100).calls, 100);
}

#[test]
fn what_is_no_such_text_counts_nothing() {
    for text in ["", "<html>", "{\"a\": 1}", "dapr_component_", "dapr_component_state_count"] {
        assert_eq!(SidecarMetrics::read(text, &[]), SidecarMetrics::default());
    }
}
