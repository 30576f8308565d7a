import TamisTestSupport
import Testing

@testable import Tamis

/// The cut costs what the best of all choices costs.
@Suite("Minimum cut")
struct MinimumCutTests {
    private struct Cost {
        var variable: Int
        var isNo: Bool
        var besideYes: Int?
        var cost: Int
    }

    private func total(_ costs: [Cost], _ choices: [Bool]) -> Int {
        costs.reduce(0) { sum, cost in
            let applies = choices[cost.variable] != cost.isNo && (cost.besideYes.map { choices[$0] } ?? true)
            return sum + (applies ? cost.cost : 0)
        }
    }

    @Test("against all choices", arguments: 0..<200)
    func best(index: Int) {
        var generator = Philox(seed: UInt64(index), name: "cut")
        let count = Int.random(in: 1...7, using: &generator)
        let costs = (0..<Int.random(in: 1...20, using: &generator)).map { _ in
            let isPair = Bool.random(using: &generator)
            return Cost(
                variable: Int.random(in: 0..<count, using: &generator),
                isNo: isPair || Bool.random(using: &generator),
                besideYes: isPair ? Int.random(in: 0..<count, using: &generator) : nil,
                cost: Int.random(in: 0...9, using: &generator))
        }
        var cut = MinimumCut()
        let variables = (0..<count).map { _ in cut.variable() }
        for cost in costs {
            if let other = cost.besideYes {
                cut.charge(no: variables[cost.variable], besideYes: variables[other], cost.cost)
            } else if cost.isNo {
                cut.charge(no: variables[cost.variable], cost.cost)
            } else {
                cut.charge(yes: variables[cost.variable], cost.cost)
            }
        }
        let choice = cut.solved()
        let choices = variables.map(choice)
        let all = (0..<1 << count).map { bits in (0..<count).map { bits >> $0 & 1 == 1 } }
        let least = all.map { total(costs, $0) }.min()
        #expect(total(costs, choices) == least)
        // Of the best choices the one with most yes holds the yes of all others.
        for other in all where total(costs, other) == least {
            #expect(zip(choices, other).allSatisfy { $0 || !$1 })
        }
    }
}
