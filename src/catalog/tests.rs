use super::*;
use crate::dapr::resource::Resource;
use template::{ComponentValues, WordValues, fill_component, fill_word};

const KAFKA: WordValues<'_> = WordValues { name: "kafka", memory_mb: Some(768) };

fn all() -> Vec<(&'static str, CatalogEntry)> {
    let catalog = Catalog::embedded();
    let brokers = catalog.brokers.into_values().map(|entry| ("broker", entry));
    brokers.chain(catalog.stores.into_values().map(|entry| ("store", entry))).collect()
}

fn filled(entry: &CatalogEntry, environment: &BTreeMap<String, String>) -> String {
    let values = ComponentValues {
        component: "thing",
        name: "host",
        app_id: "orders",
        version: &entry.description.component.version,
        environment,
    };
    fill_component(entry, &values).expect("the template fills")
}

#[test]
fn the_catalog_has_what_the_design_names() {
    let catalog = Catalog::embedded();
    let names = |entries: &BTreeMap<String, CatalogEntry>| entries.keys().cloned().collect::<Vec<_>>().join(" ");
    assert_eq!(names(&catalog.brokers), "in-memory kafka rabbitmq redis redpanda");
    assert_eq!(names(&catalog.stores), "in-memory postgres redis");
}

#[test]
fn every_component_template_gives_the_component_that_its_entry_promises() {
    for (what, entry) in all() {
        let description = &entry.description;
        let text = filled(&entry, &description.environment);
        let resources = Resource::parse_all(&text).expect("the template is YAML");
        let component = resources[0].component().expect("the template is a component");
        assert_eq!(component.component_type, description.component.component_type, "{what} {}", description.name);
        assert_eq!(component.version, description.component.version, "{what} {}", description.name);
        assert_eq!(component.name, "thing");
    }
}

#[test]
fn every_entry_with_a_container_pins_its_image_and_says_when_it_is_ready() {
    for (what, entry) in all() {
        let Description { name, image, ready, ports, consumers, .. } = entry.description;
        let Some(image) = image else { continue };
        let tag = image.rsplit_once(':').map(|(_, tag)| tag);
        assert!(tag.is_some_and(|tag| tag != "latest"), "{what} {name} pins no tag");
        let published = |port| ports.iter().any(|published| published.container == port);
        assert!(ready.is_some_and(|ready| published(ready.port)), "{what} {name} is ready at no published port");
        assert_eq!(what == "broker", consumers.is_some(), "{what} {name}");
        assert_eq!(ports.iter().filter(|port| port.main).count(), 1, "{what} {name}");
    }
}

#[test]
fn a_password_with_special_characters_stays_one_value() {
    let catalog = Catalog::embedded();
    let entry = &catalog.stores["postgres"];
    let mut environment = entry.description.environment.clone();
    environment.insert("POSTGRES_PASSWORD".to_owned(), "a\"b # c@d/e".to_owned());
    let text = filled(entry, &environment);
    let resource = &Resource::parse_all(&text).expect("YAML")[0];
    let connection = resource.metadata_value("connectionString").expect("there");
    assert_eq!(connection, "postgres://sandbox:a%22b%20%23%20c%40d%2Fe@host:5432/sandbox?sslmode=disable");
}

#[test]
fn an_advertised_port_is_a_token_until_ports_are_assigned() {
    let word = fill_word("kafka", "EXTERNAL://127.0.0.1:{{ host_port(19092) }}", &KAFKA).expect("fills");
    assert_eq!(word, "EXTERNAL://127.0.0.1:@host-port-19092@");
}

#[test]
fn a_template_that_names_nothing_known_says_which_entry_it_is_of() {
    let error = fill_word("kafka", "{{ nmae }}", &KAFKA).expect_err("unknown");
    assert!(error.to_string().starts_with("the catalog's template of `kafka` cannot be filled"), "{error}");
}
