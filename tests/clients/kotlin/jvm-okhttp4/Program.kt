// Calls the server through the clients that openapi-generator makes for Kotlin, with OkHttp and Moshi.

import admin.apis.ClockApi
import admin.apis.FaultsApi
import admin.apis.RequestsApi
import admin.apis.SandboxApi
import admin.models.Action
import admin.models.ClockChange
import admin.models.DelayDistribution
import admin.models.ErrorResponse
import admin.models.FaultSpec
import admin.models.Matcher
import admin.models.Verification
import admin.models.VerificationResult
import admin.models.VerificationTimes
import com.squareup.moshi.Moshi
import java.time.OffsetDateTime
import java.util.UUID
import workflow.apis.AuthorizationServerApi
import workflow.apis.WorkflowExecutionApi
import workflow.models.ErrorEnvelope
import workflow.models.StartWorkflowExecutionData
import workflow.models.StartWorkflowExecutionRequest
import workflow.models.TokenError

val server: String = System.getenv("WORKFLOW_MOCK_URL")
val json = Moshi.Builder().build().adapter(Any::class.java).serializeNulls()
val faults = FaultsApi(server)

typealias Members = Map<String, Any?>

fun main() {
    generateSequence(::readlnOrNull).forEach { line ->
        @Suppress("UNCHECKED_CAST")
        val call = json.fromJson(line) as Members
        val answer =
            try {
                answer(call)
            } catch (error: Exception) {
                mapOf("raised" to error.stackTraceToString())
            }
        println(json.toJson(answer))
    }
}

fun answer(call: Members): Members =
    when (call["call"]) {
        "start" -> start(call)
        "token" -> token(call)
        "add_fault" -> addFault(call)
        "get_fault" -> getFault(call)
        "find_faults" -> findFaults(call)
        "set_clock" -> setClock(call)
        "restore" -> restore(call)
        "verify" -> verify(call)
        else -> error("no call: $call")
    }

fun uuid(call: Members, name: String): UUID = UUID.fromString(call[name] as String)

/** The status, the headers and the text of what was refused: the client reads no body of an error. */
class Refused(val status: Int, val headers: Map<String, List<String>>, val text: String) {
    val retryAfter = headers.entries.find { it.key.equals("Retry-After", ignoreCase = true) }?.value?.first()

    inline fun <reified T> workflow(): T = workflow.infrastructure.Serializer.moshi.adapter(T::class.java).fromJson(text)!!

    inline fun <reified T> admin(): T = admin.infrastructure.Serializer.moshi.adapter(T::class.java).fromJson(text)!!
}

fun refusal(response: workflow.infrastructure.ApiResponse<*>): Refused? =
    when (response) {
        is workflow.infrastructure.ClientError -> Refused(response.statusCode, response.headers, response.body as String)
        is workflow.infrastructure.ServerError -> Refused(response.statusCode, response.headers, response.body as String)
        else -> null
    }

fun refusal(response: admin.infrastructure.ApiResponse<*>): Refused? =
    when (response) {
        is admin.infrastructure.ClientError -> Refused(response.statusCode, response.headers, response.body as String)
        is admin.infrastructure.ServerError -> Refused(response.statusCode, response.headers, response.body as String)
        else -> null
    }

fun start(call: Members): Members {
    workflow.infrastructure.ApiClient.accessToken = (call["token"] as String).ifEmpty { null }
    val made =
        WorkflowExecutionApi(server)
            .startWorkflowExecutionWithHttpInfo(
                uuid(call, "customer"),
                uuid(call, "workflow"),
                StartWorkflowExecutionRequest(StartWorkflowExecutionData(uuid(call, "body"))),
            )
    refusal(made)?.let {
        val meta = it.workflow<ErrorEnvelope>().meta
        return mapOf(
            "status" to it.status,
            "code" to meta.errors.first().code,
            "properties" to meta.validation.map { problem -> problem.`property` },
            "retryAfter" to it.retryAfter,
        )
    }
    val data = (made as workflow.infrastructure.Success).data!!.data
    return mapOf(
        "status" to made.statusCode,
        "workflow" to data.workflowId.toString(),
        "queued" to data.executionQueue.size,
        "triggers" to data.tasks.count { it.isTrigger },
        "finished" to data.finished?.toString(),
    )
}

fun token(call: Members): Members {
    val made =
        AuthorizationServerApi(server)
            .requestTokenWithHttpInfo(
                AuthorizationServerApi.GrantTypeRequestToken.client_credentials,
                call["client"] as String,
                call["secret"] as String,
                call["scope"] as String?,
            )
    refusal(made)?.let {
        val error = it.workflow<TokenError>()
        return mapOf(
            "status" to it.status,
            "code" to error.error,
            "description" to error.errorDescription,
            "retryAfter" to it.retryAfter,
        )
    }
    val token = (made as workflow.infrastructure.Success).data!!
    return mapOf("status" to made.statusCode, "token" to token.accessToken, "scope" to token.scope)
}

@Suppress("UNCHECKED_CAST")
fun addFault(call: Members): Members {
    val given = call["fault"] as Members
    val spec =
        FaultSpec(
            status = (given["status"] as Double?)?.toInt(),
            code = given["code"] as String?,
            times = (given["times"] as Double?)?.toLong(),
            retryAfter = given["retryAfter"] as String?,
            probability = given["probability"] as Double?,
            seed = (given["seed"] as Double?)?.toLong(),
            delayDistribution =
                (given["delay"] as Members?)?.let {
                    DelayDistribution(
                        type = DelayDistribution.Type.valueOf(it["type"] as String),
                        lower = it["lower"] as Double?,
                        upper = it["upper"] as Double?,
                        median = it["median"] as Double?,
                        sigma = it["sigma"] as Double?,
                    )
                },
            matcher = Matcher(customerId = uuid(call, "customer")),
        )
    val made = faults.addFaultWithHttpInfo(spec, null)
    return refused(made) ?: mapOf("status" to made.statusCode, "id" to value(made).id.toString())
}

fun getFault(call: Members): Members {
    val made = faults.getFaultWithHttpInfo(uuid(call, "id"), null)
    refused(made)?.let {
        return it
    }
    val fault = value(made)
    return mapOf(
        "status" to made.statusCode,
        "fault" to
            mapOf(
                "status" to fault.status,
                "code" to fault.code,
                "times" to fault.times,
                "retryAfter" to fault.retryAfter,
                "probability" to fault.probability,
                "seed" to fault.seed,
                "delay" to
                    fault.delayDistribution?.let {
                        mapOf(
                            "type" to it.type.value,
                            "lower" to it.lower,
                            "upper" to it.upper,
                            "median" to it.median,
                            "sigma" to it.sigma,
                        )
                    },
            ),
    )
}

fun findFaults(call: Members): Members {
    val page = faults.findFaults(uuid(call, "customer"))
    return mapOf("status" to 200, "ids" to page.faults.map { it.id.toString() })
}

fun setClock(call: Members): Members {
    val change = ClockChange(action = Action.set, to = OffsetDateTime.parse(call["to"] as String))
    val clock = ClockApi(server).changeClock(change, uuid(call, "customer"))
    return mapOf("status" to 200, "now" to clock.now.toString(), "own" to clock.own, "frozen" to clock.frozen)
}

fun restore(call: Members): Members {
    val sandbox = SandboxApi(server)
    val snapshot = sandbox.getSnapshot(uuid(call, "customer"))
    val made = sandbox.putSnapshotWithHttpInfo(snapshot, uuid(call, "customer"))
    return refused(made) ?: mapOf("status" to made.statusCode)
}

fun verify(call: Members): Members {
    val verification =
        Verification(
            matcher = Matcher(status = (call["status"] as Double).toInt()),
            count = VerificationTimes(exactly = (call["exactly"] as Double).toLong()),
        )
    val made = RequestsApi(server).verifyRequestsWithHttpInfo(verification, uuid(call, "customer"))
    val verdict = refusal(made)?.admin<VerificationResult>() ?: value(made)
    return mapOf("status" to made.statusCode, "verified" to verdict.verified, "count" to verdict.count)
}

fun <T> value(made: admin.infrastructure.ApiResponse<T?>): T = (made as admin.infrastructure.Success).data!!

fun refused(made: admin.infrastructure.ApiResponse<*>): Members? =
    refusal(made)?.let {
        val meta = it.admin<ErrorResponse>().meta
        mapOf(
            "status" to it.status,
            "code" to meta.errors.first().code,
            "properties" to meta.validation.map { problem -> problem.`property` },
        )
    }
