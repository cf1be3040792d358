use super::*;

#[test]
fn what_documents_say_of_each_other() {
    let one = component("it", "secretstores.local.env", "");
    let problems = found_in(&[("a.yaml", &one), ("b.yaml", &one)], &around());
    assert_eq!(
        shown(&problems),
        "error 4:9 Component `it` is in a.yaml:4 too: names must be unique | give one of them another name, or remove it"
    );
    assert_eq!(problems[0].file, "b.yaml");
    let secret = "  metadata:\n  - {name: a, secretKeyRef: {name: b}}\nauth: {secretStore: vualt}\n";
    let vault = component("vault", "secretstores.local.env", "");
    let files = [("a.yaml", component("it", "state.mongodb", secret)), ("b.yaml", vault)];
    let problems = found_in(&files.each_ref().map(|(name, text)| (*name, text.as_str())), &around());
    assert_eq!(
        shown(&problems),
        "error 9:21 Component `it` takes secrets from `vualt`, and no component has that name | did you mean `vault`?"
    );
    let right = files[0].1.replace("vualt", "kubernetes");
    assert_eq!(check(&right), "");
    let both = component("it", "state.mongodb", &secret.replace("name: a,", "name: a, value: b,").replace("vualt", ""));
    assert_eq!(
        check(&both),
        "warning 8:12 `a` of Component `it` has both a value and a secret: daprd takes the secret"
    );
}

#[test]
fn subscriptions() {
    let head = "kind: Subscription\nmetadata: {name: s}\nspec:\n";
    let v1 = format!("apiVersion: dapr.io/v1alpha1\n{head}  pubsubName: pubsub\n  topic: t\n  route: /t\n");
    assert_eq!(check(&v1), "");
    let v2 = format!("apiVersion: dapr.io/v2alpha1\n{head}  pubsubname: pubsbu\n  topic: t\n  route: /t\n");
    assert_eq!(
        check(&v2),
        "warning 5:15 Subscription `s` is to `pubsbu`, and no component has that name | did you mean `pubsub`?\n\
         warning 7:3 unknown key `route` in `spec` of Subscription `s`: daprd passes it over | `route` belongs to `apiVersion: dapr.io/v1alpha1`; here it is `routes: {default: /path}`"
    );
    let none = format!("apiVersion: dapr.io/v2alpha1\n{head}  pubsubname: pubsub\n");
    assert_eq!(check(&none), "warning 4:1 Subscription `s` has no `topic`");
}

#[test]
fn resiliency() {
    let text = "apiVersion: dapr.io/v1alpha1
kind: Resiliency
metadata: {name: r}
spec:
  policies:
    timeouts: {short: 5s, long: 1 min}
    retries:
      often: {policy: constant, duration: 1s}
  targets:
    apps:
      ordres: {retry: oftn}
      orders: {retry: often, timeout: DefaultTimeoutPolicy}
    components:
      pubsub: {inbound: {retry: often}, retry: often}
      statestor: {outbound: {retry: often}}
    actors:
      any: {timeout: short}
";
    insta::assert_snapshot!(check(text), @r"
    warning 6:33 `1 min` is no duration: daprd drops the whole Resiliency `r` | write a number with its unit: `5s`
    warning 11:7 Resiliency `r` is about the app `ordres`, which sandbox.toml has not | did you mean `orders`?
    warning 11:23 Resiliency `r` has no policy `oftn` in `retries` | did you mean `often`?
    warning 14:41 unknown key `retry` in the component `pubsub` of Resiliency `r`: daprd passes it over
    warning 15:7 Resiliency `r` is about the component `statestor`, which is not there
    ");
}

#[test]
fn the_configuration_stands_beside_the_folder() {
    let text = "apiVersion: dapr.io/v1alpha1\nkind: Configuration\nmetadata: {name: c}\n";
    assert_eq!(
        check(text),
        "warning 3:18 Configuration `c` does nothing here: sidecars take theirs from `[dapr] config` | write `config = \"a.yaml\"` under `[dapr]` in sandbox.toml"
    );
    let named = Surroundings { configuration: Some("/shop/a.yaml".into()), ..around() };
    assert_eq!(shown(&found_in(&[("a.yaml", text)], &named)), "");
    let of = |text: &str| {
        let configuration = Some(SourceFile::of("c.yaml", text));
        shown(&folder(&Folder { files: Vec::new(), configuration }, &around()))
    };
    assert_eq!(of(text), "");
    assert_eq!(of("kind: Component\n"), "error 1:7 `[dapr] config` must be a `Configuration`; c.yaml is a `Component`");
    assert_eq!(of(""), "error 1:1 `[dapr] config` must be a `Configuration`; c.yaml is no Dapr resource");
}

#[test]
fn an_access_control_list_needs_callers_that_can_prove_who_they_are() {
    let of = |text: &str, mtls: bool| {
        let configuration = Some(SourceFile::of("c.yaml", text));
        let around = Surroundings { mtls, ..around() };
        shown(&folder(&Folder { files: Vec::new(), configuration }, &around))
    };
    let list =
        "kind: Configuration\nspec:\n  accessControl:\n    defaultAction: deny\n    policies:\n    - {appId: orders}\n";
    assert_eq!(
        of(list, false),
        "warning 6:7 without mTLS no caller can prove who it is: every call gets the list's `defaultAction` | write `mtls = true` under `[dapr]` in sandbox.toml"
    );
    assert_eq!(of(list, true), "");
    assert_eq!(of(&list.replace("    - {appId: orders}\n", "      []\n"), false), "");
}

#[test]
fn a_document_that_daprd_never_ends_reading() {
    let comments = format!("# {}\n{}", "x".repeat(70_000), component("it", "secretstores.local.env", ""));
    assert_eq!(check(&comments), "");
    let large =
        component("it", "state.mongodb", &format!("  metadata: [{{name: a, value: {}}}]\n", "x".repeat(70_000)));
    assert_eq!(check(&large), "error 1:1 Component `it` has more than 64 KiB, which daprd never ends reading");
}

#[test]
fn a_file_that_cannot_be_read() {
    let file = SourceFile { text: Err("permission denied".to_owned()), ..SourceFile::of("a.yaml", "") };
    let problems = folder(&Folder { files: vec![file], configuration: None }, &around());
    assert_eq!(shown(&problems), "error a.yaml cannot be read: permission denied");
    assert!(verdict(problems).is_err());
}

fn with_secrets(files: &[(&str, &str)]) -> Surroundings {
    let files = files.iter().map(|(name, text)| SourceFile::of(*name, *text)).collect();
    let sources = crate::secrets::files::SecretSources { files, faults: Vec::new() };
    let variables = BTreeMap::from([("orders".to_owned(), ["MINE".to_owned()].into())]);
    Surroundings {
        store: Some("kubernetes".to_owned()),
        secrets: crate::secrets::load(&sources, None).secrets,
        overrides: BTreeMap::from([
            ("crm".to_owned(), (3, ["own".to_owned()].into())),
            ("crn".to_owned(), (7, ["x".to_owned()].into())),
        ]),
        variables,
        ..around()
    }
}

fn crm(metadata: &str, further: &str) -> String {
    format!(
        "apiVersion: dapr.io/v1alpha1\nkind: Component\nmetadata: {{name: crm}}\nspec:\n  type: bindings.http\n  version: v1\n  metadata:\n  - {{name: url, value: 'http://x'}}\n{metadata}{further}"
    )
}

#[test]
fn what_is_not_there_is_named_with_what_there_is() {
    let secrets = [
        (
            "s.yaml",
            "kind: Secret\nmetadata: {name: db}\nstringData: {user: a, password: hunter2}\n---\nkind: Secret\nmetadata: {name: empty}\n",
        ),
        (".env", "TOKEN=hunter2\n"),
    ];
    let around = with_secrets(&secrets);
    let good = "  - {name: securityToken, secretKeyRef: {name: db, key: password}}\n  - {name: own, secretKeyRef: {name: nobody, key: k}}\n  - {name: securityTokenHeader, secretKeyRef: {name: TOKEN}}\n";
    let ours = |text: &str| shown(&found_in(&[("a.yaml", text)], &around));
    let overrides =
        "error `[components.override.crn]` (sandbox.toml:7) is for a component that nobody is | did you mean `crm`?";
    assert!(
        !ours(&crm(good, "")).contains("secretKeyRef") && ours(&crm(good, "")).contains(overrides),
        "{}",
        ours(&crm(good, ""))
    );
    let of = |metadata: &str, further: &str| {
        let told = ours(&crm(metadata, further));
        assert!(!told.contains("hunter2"), "{told}");
        told.lines()
            .filter(|line| !line.contains("override") && !line.contains("unknown metadata"))
            .collect::<Vec<_>>()
            .join("\n")
    };
    let all = [
        of("  - {name: securityToken, secretKeyRef: {name: db, key: pasword}}\n", ""),
        of("  - {name: securityToken, secretKeyRef: {name: d}}\n", ""),
        of("  - {name: securityToken, secretKeyRef: {name: empty, key: k}}\n", "scopes: [nobody]\n"),
        of("  - {name: securityToken, secretKeyRef: {name: d}}\n", "auth: {secretStore: vault}\n"),
        of("  - {name: securityToken, secretKeyRef: {name: db, key: user}}\n", "auth: {secretStore: kubernetis}\n"),
        of(
            "  - {name: a, envRef: TOKEN}\n  - {name: b, envRef: MINE}\n  - {name: c, envRef: DAPR_X}\n  - {name: d, envRef: TOKN}\n",
            "scopes: [orders]\n",
        ),
        of("  - {name: b, envRef: MINE}\n", ""),
    ];
    insta::assert_snapshot!(all.join("\n"), @r#"
    error 9:57 `securityToken` of Component `crm` wants the key `pasword` of the secret `db`, which has `password`, `user` (s.yaml:2) | did you mean `password`?
    error 9:48 `securityToken` of Component `crm` wants the secret `d`: there is none of that name, the files of `[secrets]` have `TOKEN`, `db`, `empty` | did you mean `db`?
    warning 9:60 `securityToken` of Component `crm` wants the key `k` of the secret `empty`, which has no key at all (s.yaml:6)
    warning 10:10 Component `crm` is for the app `nobody`, which sandbox.toml has not
    error 9:48 `securityToken` of Component `crm` wants the secret `d`: there is none of that name, the files of `[secrets]` have `TOKEN`, `db`, `empty` | did you mean `db`?
    error 10:21 Component `crm` takes secrets from `kubernetis`, and no component has that name | did you mean `kubernetes`?
    warning 11:23 `c` of Component `crm` wants the variable `DAPR_X`, which daprd gives to no component
    error 12:23 `d` of Component `crm` wants the variable `TOKN`, which the sidecar of `orders` has not | did you mean `TOKEN`?
    error 9:23 `b` of Component `crm` wants the variable `MINE`, which the sidecar of `billing` has not | put it into a dotenv file of `[secrets]`, or write `dapr = { env = { MINE = "…" } }` under [apps.billing]
    "#);
}

#[test]
fn secrets_of_other_stores_are_their_affair() {
    let around = with_secrets(&[]);
    let store = "apiVersion: dapr.io/v1alpha1\nkind: Component\nmetadata: {name: local}\nspec: {type: secretstores.local.env, version: v1}\n";
    let text = crm("  - {name: securityToken, secretKeyRef: {name: any}}\n", "auth: {secretStore: local}\n");
    let told = shown(&found_in(&[("a.yaml", &text), ("b.yaml", store)], &around));
    assert!(!told.contains("any"), "{told}");
    let kubernetes = store.replace("local.env", "kubernetes");
    let told = shown(&found_in(&[("a.yaml", &text), ("b.yaml", &kubernetes)], &Surroundings { store: None, ..around }));
    assert!(told.contains("sandbox.toml names no files with secrets"), "{told}");
}

#[test]
fn what_secrets_names_must_be_a_store() {
    let around = Surroundings { overrides: BTreeMap::new(), store: Some("crm".to_owned()), ..with_secrets(&[]) };
    let told = shown(&found_in(&[("a.yaml", &crm("", ""))], &around));
    assert!(
        told.contains("`[secrets] component` names `crm`, which is a `bindings.http` and no secret store"),
        "{told}"
    );
}

#[test]
fn what_an_override_gives_is_not_missing() {
    let binding = "apiVersion: dapr.io/v1alpha1\nkind: Component\nmetadata: {name: crm}\nspec: {type: bindings.http, version: v1}\n";
    let around =
        Surroundings { overrides: BTreeMap::from([("crm".to_owned(), (3, ["URL".to_owned()].into()))]), ..around() };
    assert_eq!(shown(&found_in(&[("a.yaml", binding)], &around)), "");
    assert!(check(binding).contains("lacks"), "{}", check(binding));
}
