//! Distances, and how a postal code is found in what people write.

use super::*;

fn degrees(degrees: f64) -> Degrees {
    Degrees::try_from(degrees).expect("degrees")
}

fn site(id: &str, latitude: f64, longitude: f64) -> Site {
    let text = format!(
        "id = \"{id}\"\nname = \"N\"\naddress = \"A\"\nphone = \"P\"\nlatitude = {latitude}\nlongitude = {longitude}"
    );
    toml::from_str(&text).expect("a site")
}

fn sites() -> Vec<Site> {
    vec![site("harbor", 47.61, -122.33), site("valley", 47.62, -122.2)]
}

fn read(lines: &str) -> (Places, Vec<String>) {
    let text = format!("postal_code,latitude,longitude\n{lines}");
    let mut faults = Vec::new();
    let places = Places::read(Place { file: "places.csv", text: &text }, &sites(), &mut faults);
    (places, faults.iter().map(ToString::to_string).collect())
}

/// Three areas close to each site, one of which ends in letters; one far away alone, and beginnings.
const LINES: &str = "98101,47.61,-122.33\n98104,47.60,-122.33\n98109,47.63,-122.35\n\
     98004,47.62,-122.21\n98005,47.62,-122.17\n98006,47.56,-122.15\n\
     99201,47.66,-117.43\n986*,45.7,-122.5\nSW1A*,47.60,-122.34\n00-950,47.60,-122.34\n";

fn told(places: &Places, key: &str, answer: &str) -> Option<(String, DistanceBand)> {
    places.near(|asked| (asked == key).then_some(answer)).map(|near| (near.site.clone(), near.distance))
}

#[test]
fn distances_are_whole_kilometres_along_the_earth() {
    let seattle = (degrees(47.6062), degrees(-122.3321));
    let spot = |latitude, longitude| (degrees(latitude), degrees(longitude));
    assert_eq!(kilometres(seattle, seattle), 0);
    assert_eq!(kilometres(seattle, spot(45.5152, -122.6784)), 234, "Portland");
    assert_eq!(kilometres(spot(48.8566, 2.3522), spot(51.5074, -0.1278)), 344, "Paris and London");
    assert_eq!(kilometres(spot(-17.0, 179.5), spot(-17.0, -179.5)), 106, "across the date line");
    assert_eq!(kilometres(spot(90.0, 0.0), spot(-90.0, 0.0)), 20_015);
}

#[test]
fn every_kilometre_is_in_exactly_one_band_and_no_band_is_narrower_than_ten() {
    let bounds: Vec<_> = DistanceBand::ALL.iter().filter_map(|band| band.kilometres()).collect();
    assert!(bounds.windows(2).all(|two| two[0].1 + 1 == two[1].0), "{bounds:?}");
    assert!(bounds.iter().all(|(from, to)| to - from >= 9));
    for (band, (from, to)) in DistanceBand::ALL.iter().zip(bounds) {
        assert_eq!((DistanceBand::of(from), DistanceBand::of(to)), (*band, *band));
    }
    assert_eq!(DistanceBand::NotKnown.kilometres(), None);
}

#[test]
fn a_code_is_found_in_a_form_and_in_the_address_line_of_every_door_and_a_house_number_is_none() {
    let (places, faults) = read(LINES);
    assert_eq!(faults, [""; 0]);
    let harbor = Some(("harbor".to_owned(), DistanceBand::Under10));
    let valley = Some(("valley".to_owned(), DistanceBand::Under10));
    for (key, answer) in
        [("zip", "98101"), ("postal_code", " 98101 "), ("zip", "98104-1234"), ("zip", "sw1a 1aa"), ("zip", "00950")]
    {
        assert_eq!(told(&places, key, answer), harbor, "{answer}");
    }
    for address in [
        "98101 Elm St, Apt 4, Bellevue, WA, 98004",
        "12 Elm St Bellevue WA 98005-0001",
        "98006",
        "88 Orchard Road, Bellevue 98004, United States",
    ] {
        assert_eq!(told(&places, "address", address), valley, "{address}");
    }
    assert_eq!(told(&places, "address", "10 Downing Street, London SW1A 2AA"), harbor);
    assert_eq!(told(&places, "zip", "98665"), Some(("harbor".to_owned(), DistanceBand::From200)), "a beginning");
    for unknown in ["", "12 Elm St", "98101 Elm St", "12 Elm St, Riverbend, OH, 45011", "986"] {
        assert_eq!(told(&places, "address", unknown), None, "{unknown}");
    }
    assert!(Places::default().is_empty() && told(&Places::default(), "zip", "98101").is_none());
}

#[test]
fn streets_and_flats_are_no_postal_codes_and_what_is_not_known_is_not_looked_for_elsewhere() {
    let (places, faults) = read(&format!(
        "{LINES}97201,47.60,-122.33\n97*,47.60,-122.34\n99*,47.60,-122.34\n981*,47.60,-122.34\n12*,47.60,-122.34\n\
         V6B*,47.62,-122.21\nNE*,47.62,-122.21\n"
    ));
    assert_eq!(faults, [""; 0]);
    for unknown in [
        "45 W 129th St, New York, NY 10027",
        "45 W 98101 St, New York, NY 10027",
        "12032 NE 97th St, Kirkland, WA",
        "99th",
        "7 99th Ave",
        "Apt 991",
        "Unit 9812",
        "12 Elm St, Unit 9812B, Seattle",
        "Apt 98101 Unit 9",
    ] {
        assert_eq!(told(&places, "address", unknown), None, "{unknown}");
    }
    let harbor = Some(("harbor".to_owned(), DistanceBand::Under10));
    for known in [
        "Apt 9 97201",
        "Apt 9 97203",
        "12 Elm St, Apt 9 97201-1234",
        "12 Elm St, Apt 9, 97203-1234",
        "10 High St, Leeds SW1A 2AA, UK",
        "10 High St, Leeds sw1a2aa",
    ] {
        assert_eq!(told(&places, "address", known), harbor, "{known}");
    }
    let valley = Some(("valley".to_owned(), DistanceBand::Under10));
    for known in ["88 Water St, Vancouver, BC V6B 1A1", "88 Water St, Vancouver, BC V6B1A1, Canada"] {
        assert_eq!(told(&places, "address", known), valley, "{known}");
    }
    // Shorter codes, and codes in another order of letters and digits, are known by the shape of those that are listed.
    let (dutch, _) = read("1011 AA,47.60,-122.34\n1012 AB,47.60,-122.34\n10*,47.60,-122.34\n");
    for known in ["Dam 1, 1012 AB Amsterdam", "Dam 1, 1099 XY Amsterdam", "Dam 1, 1099xy Amsterdam"] {
        assert_eq!(told(&dutch, "address", known), harbor, "{known}");
    }
    assert_eq!(told(&dutch, "address", "Dam 1099, Amsterdam"), None, "a house behind its street");
}

#[test]
fn a_beginning_stands_for_many_only_where_it_is_shorter_than_each_code_of_the_list() {
    let (places, _) = read("98101,47.61,-122.33\n9920*,47.66,-117.43\n99301*,45.7,-122.5\n");
    assert_eq!(told(&places, "zip", "99201"), Some(("valley".into(), DistanceBand::From200)));
    assert_eq!(told(&places, "zip", "99301-1234"), None, "a code with a star behind it is one area");
}

#[test]
fn a_band_around_a_site_with_few_postal_areas_is_not_told() {
    let (places, _) = read(LINES);
    assert_eq!(told(&places, "zip", "99201"), None);
    let (more, _) = read(&format!("{LINES}99202,47.65,-117.40\n99203,47.62,-117.40\n"));
    assert_eq!(told(&more, "zip", "99201"), Some(("valley".into(), DistanceBand::From200)));
}

#[test]
fn what_can_not_be_read_is_told_with_its_line_and_what_to_write() {
    let (_, faults) = read("98101,47.61,-122.33\nElm Street,1,2\n98102,91,0\n98103,x,0\n98104,1\n98101,1,1\n*,1,1\n");
    let lines: Vec<&str> = faults.iter().map(|fault| fault.split(": ").next().unwrap_or_default()).collect();
    assert_eq!(lines, ["places.csv:3", "places.csv:4", "places.csv:5", "places.csv:6", "places.csv:7", "places.csv:8"]);
    assert!(faults[0].contains("\"Elm Street\" is no postal code") && faults[4].contains("occurs twice"), "{faults:?}");
    let mut told = Vec::new();
    Places::read(Place { file: "places.csv", text: "zip,lat,lon\n" }, &[], &mut told);
    assert!(told.len() == 2 && told[1].to_string().contains("write postal_code,latitude,longitude"), "{told:?}");
    assert!(told[0].to_string().contains("no site of the center says where it is"), "{told:?}");
    let many: String = (0..=MOST).map(|number| format!("{},1,1\n", 10_000 + number)).collect();
    assert!(read(&many).1[0].contains("more than 4000 postal codes; write beginnings"));
}
