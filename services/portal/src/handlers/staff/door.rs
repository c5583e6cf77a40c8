//! Who may come in without the provider: in development, the people of the centers' own profiles.
//!
//! The list is made by auth's [`DevelopmentLogin`], which can't be made in production. Deliberately not here: sessions.

use causeway_auth::{Actor, DevelopmentLogin, Role};
use causeway_funnel::profile::{Profile, StaffRole};

use super::super::App;
use crate::pages::DevelopmentPerson;

/// The list; none in production.
pub fn people(app: &App) -> Option<DevelopmentLogin> {
    let people = app.centers.all().iter().flat_map(|center| of_center(&center.1)).collect();
    DevelopmentLogin::new(app.mode, people).ok()
}

fn of_center(profile: &Profile) -> Vec<Actor> {
    let actor = |staff: &causeway_funnel::profile::Staff| {
        let roles: Vec<Role> = staff.roles.iter().copied().map(role).collect();
        Actor::staff(&staff.id, &staff.name, &profile.center.id, roles)
    };
    profile.teams.staff.iter().map(actor).collect()
}

fn role(role: StaffRole) -> Role {
    match role {
        StaffRole::Coordinator => Role::Coordinator,
        StaffRole::Scheduler => Role::Scheduler,
        StaffRole::Reviewer => Role::Reviewer,
        StaffRole::TrialCoordinator => Role::TrialCoordinator,
        StaffRole::Manager => Role::Manager,
        StaffRole::Auditor => Role::Auditor,
        StaffRole::Analyst => Role::Analyst,
        StaffRole::Operator => Role::Operator,
    }
}

/// The list as the sign-in page shows it.
pub fn shown(app: &App) -> Vec<DevelopmentPerson> {
    let Some(login) = people(app) else { return Vec::new() };
    let person = |actor: &Actor| {
        let center = actor.center.clone().unwrap_or_default();
        let in_force = app.centers.get(&center);
        let staff = in_force.as_ref().and_then(|center| center.1.staff(&actor.id));
        let roles = staff.map(|staff| staff.roles.iter().map(|role| role.label("en")).collect::<Vec<_>>().join(", "));
        DevelopmentPerson {
            id: format!("{center}:{}", actor.id),
            name: actor.name.clone(),
            role: roles.unwrap_or_default(),
            center: in_force.map_or(center, |center| center.1.center.short_name.clone()),
        }
    };
    login.people().iter().map(person).collect()
}

/// The chosen person.
pub fn chosen(app: &App, id: &str) -> Option<Actor> {
    let (center, id) = id.split_once(':')?;
    people(app)?.choose(center, id).cloned()
}
