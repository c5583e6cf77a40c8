//! The answer to what the center does not treat: where to go instead, and that somebody always hears what became of it.

use causeway_auth::Actor;
use causeway_proto::convert::micros;
use causeway_proto::inquiry::v1::{Consent, Facts};
use causeway_proto::intake::v1::ReferredElsewhere;
use causeway_proto::notice::v1::{NoticeFailed, NoticeSent};
use jiff::Timestamp;
use uuid::Uuid;

use super::{facts, mail_of, stop};
use crate::world::{CENTER, World};

fn elsewhere(inquiry: Uuid, now: Timestamp, language: &str) -> ReferredElsewhere {
    let facts = Facts { language: language.into(), ..facts(inquiry, now) };
    ReferredElsewhere { facts: Some(facts), entry: "children".into(), at: micros(now) }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_answer_names_where_to_go_in_the_persons_language_once_and_one_that_no_mail_can_carry_is_told() {
    let mut world = World::start().await;
    let now = world.clock.now();
    let [told, silent, unknown] = [(); 3].map(|()| world.clock.new_id());
    let event = elsewhere(told, now, "es");
    world.publish(told, &[event.clone(), event]).await;
    world.wait_for(told, &["referred_elsewhere sent"]).await;
    let mut mute = elsewhere(silent, now, "en");
    if let Some(facts) = &mut mute.facts {
        facts.consent = Some(Consent::default());
    }
    world.publish(silent, &[mute]).await;
    world.publish(unknown, &[ReferredElsewhere { entry: "elves".into(), ..elsewhere(unknown, now, "en") }]).await;
    world.wait_for(silent, &["referred_elsewhere suppressed no_channel"]).await;
    world.wait_for(unknown, &["referred_elsewhere failed template"]).await;

    let sent = world.published::<NoticeSent>(1).await;
    let outcome = sent[0].1.outcome.as_ref().expect("an outcome");
    assert_eq!((outcome.kind.as_str(), outcome.inquiry_id.as_str()), ("referred_elsewhere", told.to_string().as_str()));
    let mut failed: Vec<(String, String)> = world
        .published::<NoticeFailed>(2)
        .await
        .into_iter()
        .filter_map(|(_, event)| event.outcome.map(|outcome| (outcome.inquiry_id, outcome.reason)))
        .collect();
    failed.sort();
    let mut wanted = vec![(silent.to_string(), "no_channel".to_owned()), (unknown.to_string(), "template".to_owned())];
    wanted.sort();
    assert_eq!(failed, wanted);

    let mails = world.mail.taken();
    assert_eq!(mails.len(), 1);
    let mail = &mails[0];
    assert_eq!(
        (mail.to.as_str(), mail.subject.as_str()),
        (mail_of(told).as_str(), "Harbor Valley: respuesta a su solicitud HV-7K4M-2QX")
    );
    for part in [&mail.text, &mail.html] {
        assert!(part.contains("206 555 0180") && part.contains("253 555 0181"), "{part}");
    }
    assert!(mail.text.contains("Sound Children's Hospital, 206 555 0180"), "{}", mail.text);
    assert!(mail.text.contains("Aquí no tratamos a niños."), "{}", mail.text);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_a_stop_holds_back_is_told_since_the_inquiry_waits_for_it() {
    let mut world = World::start().await;
    world.mail.down().await;
    let (waiting, later) = (world.clock.new_id(), world.clock.new_id());
    let now = world.clock.now();
    world.publish(waiting, &[elsewhere(waiting, now, "en")]).await;
    world.wait_for(waiting, &["referred_elsewhere intended connect"]).await;
    for inquiry in [waiting, later] {
        let mut patient = world.client(Actor::patient(inquiry.to_string(), CENTER));
        patient.stop_messages(stop(inquiry)).await.expect("stopped");
    }
    world.mail.up().await;
    world.publish(later, &[elsewhere(later, now, "en")]).await;
    for inquiry in [waiting, later] {
        world.wait_for(inquiry, &["referred_elsewhere suppressed stopped"]).await;
    }
    let failed = world.published::<NoticeFailed>(2).await;
    assert!(failed.iter().all(|(_, event)| event.outcome.as_ref().is_some_and(|one| one.reason == "stopped")));
    assert!(world.mail.taken().is_empty(), "a stop is obeyed");
    world.end().await;
}
